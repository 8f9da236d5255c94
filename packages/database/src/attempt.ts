/** The write timed out before its commit was sent: it was not done and will not be done. */
export class WriteNotDone extends Error {
  override readonly name = "WriteNotDone";
}

/** The commit was sent but not answered: the write may or may not have been done. */
export class WriteOutcomeUnknown extends Error {
  override readonly name = "WriteOutcomeUnknown";
}

/** Decides whether a transaction may still be committed. */
export interface CommitGuard {
  /** Called directly before the commit is sent. An error that it throws rolls the transaction back. */
  beforeCommit(): void;
  /** Called when the server has refused the commit. Nothing was written. */
  commitRefused(): void;
  /**
   * Aborted when a caller gets `WriteNotDone`. The transaction must then end at once, because other transactions may be
   * waiting for its locks.
   */
  readonly late: AbortSignal;
}

/** A write for which a caller is waiting. */
export interface Attempt extends CommitGuard {
  /** Stops the timeout. Called when the answer has arrived. */
  readonly stop: () => void;
}

/**
 * Starts the timeout of a write. After `timeoutMs`, `giveUp` gets `WriteNotDone`, and a later commit is refused. If the
 * commit was already sent, `giveUp` gets `WriteOutcomeUnknown` instead.
 */
export function createAttempt(timeoutMs: number | undefined, giveUp: (error: Error) => void): Attempt {
  let isCommitting = false;
  const late = new AbortController();
  const end = (): void => {
    if (isCommitting) {
      giveUp(new WriteOutcomeUnknown(`The commit was not answered within ${timeoutMs} ms`));
      return;
    }
    late.abort();
    giveUp(new WriteNotDone(`The database did not finish the write within ${timeoutMs} ms`));
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(end, timeoutMs);
  return {
    late: late.signal,
    beforeCommit() {
      if (late.signal.aborted) throw new WriteNotDone("The write timed out before its commit");
      isCommitting = true;
    },
    commitRefused() {
      isCommitting = false;
    },
    stop: () => {
      clearTimeout(timer);
    },
  };
}

/** Runs one write. If it takes longer than `timeoutMs`, rejects with the errors that `createAttempt` describes. */
export function inTime<T>(timeoutMs: number | undefined, write: (guard: CommitGuard) => Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const attempt = createAttempt(timeoutMs, reject);
  write(attempt).then(resolve, reject).finally(attempt.stop);
  return promise;
}
