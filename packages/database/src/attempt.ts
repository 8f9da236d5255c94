/** The time to write was over before the commit began: it was not done and will not be. */
export class WriteNotDone extends Error {
  override readonly name = "WriteNotDone";
}

/** The commit was sent and its answer did not come: the write may or may not have been done. */
export class WriteOutcomeUnknown extends Error {
  override readonly name = "WriteOutcomeUnknown";
}

/** Has the last word on whether a transaction is committed. */
export interface CommitGuard {
  /** Called right before the commit is sent; when it throws, the transaction is rolled back. */
  beforeCommit(): void;
  /** The server refused the commit: nothing was done. */
  commitRefused(): void;
}

/** One write for which somebody waits. */
export interface Attempt extends CommitGuard {
  /** Whether the one who waits was told that it is not done. */
  isLate(): boolean;
  /** Ends the waiting: the answer is there. */
  stop: () => void;
}

/**
 * Starts to wait for a write. When `patienceMs` are over, `giveUp` gets `WriteNotDone`, and the commit is refused from
 * then on; or `WriteOutcomeUnknown`, where the commit was sent before.
 */
export function createAttempt(patienceMs: number | undefined, giveUp: (error: Error) => void): Attempt {
  let state: "open" | "committing" | "late" = "open";
  const end = (): void => {
    if (state === "committing") {
      giveUp(new WriteOutcomeUnknown(`The commit was not answered within ${patienceMs} ms`));
      return;
    }
    state = "late";
    giveUp(new WriteNotDone(`The database did not take the write within ${patienceMs} ms`));
  };
  const timer = patienceMs === undefined ? undefined : setTimeout(end, patienceMs);
  return {
    isLate: () => state === "late",
    beforeCommit() {
      if (state === "late") throw new WriteNotDone("Nobody waits for this write any more");
      state = "committing";
    },
    commitRefused() {
      if (state === "committing") state = "open";
    },
    stop: () => {
      clearTimeout(timer);
    },
  };
}

/** One write on its own; rejects as `createAttempt` says where it takes longer than `patienceMs`. */
export function inTime<T>(patienceMs: number | undefined, write: (guard: CommitGuard) => Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const attempt = createAttempt(patienceMs, reject);
  write(attempt).then(resolve, reject).finally(attempt.stop);
  return promise;
}
