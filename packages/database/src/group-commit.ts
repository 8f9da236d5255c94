import { createAttempt, WriteNotDone, type Attempt, type CommitGuard } from "./attempt.ts";

/** The outcome of one request of a group. */
export type Outcome<R> = { readonly value: R } | { readonly error: unknown };

/**
 * Runs a group of requests. Returns one outcome per request, in order, or throws for all of them. `guardOf` returns the
 * commit guard for some of the requests.
 */
export type RunGroup<Q, R> = (
  key: string,
  requests: readonly Q[],
  guardOf: (requests: readonly Q[]) => CommitGuard,
) => Promise<readonly Outcome<R>[]>;

export interface GroupOptions {
  /** Maximum number of requests per group. */
  readonly largest: number;
  /** Maximum time that a request spends in the queue and in its group. Unlimited by default. */
  readonly timeoutMs?: number | undefined;
}

interface Waiting<Q, R> {
  readonly request: Q;
  readonly attempt: Attempt;
  readonly resolve: (value: R) => void;
  readonly reject: (error: unknown) => void;
  /** Resolves when the caller has an answer. */
  readonly answered: Promise<void>;
}

/**
 * Runs requests by natural group commit. The first request of a key runs at once. Requests that arrive while it runs
 * are collected and run together next, in order and at most `largest` at a time. A request that times out before its
 * commit leaves the queue or its group, and the group then starts again without it. A request that was refused as late
 * is therefore never carried out.
 */
export function createGroups<Q, R>(run: RunGroup<Q, R>, { largest, timeoutMs }: GroupOptions) {
  const queues = new Map<string, Waiting<Q, R>[]>();

  async function work(key: string, queue: Waiting<Q, R>[]): Promise<void> {
    while (queue.length > 0) {
      const group = queue.splice(0, largest);
      // A group whose callers have all timed out may hang for as long as its connection does. The next group does not
      // wait for it.
      await Promise.race([settle(key, group), Promise.all(group.map(({ answered }) => answered))]);
    }
    queues.delete(key);
  }

  async function settle(key: string, group: readonly Waiting<Q, R>[]): Promise<void> {
    const present = group.filter(({ attempt }) => !attempt.late.aborted);
    if (present.length === 0) return;
    try {
      const requests = present.map(({ request }) => request);
      const outcomes = await run(key, requests, (some) =>
        guardFor(present.filter(({ request }) => some.includes(request))),
      );
      present.forEach(({ resolve, reject }, i) => {
        const outcome = outcomes[i] ?? { error: new Error("The group settled fewer requests than it received") };
        if ("error" in outcome) reject(outcome.error);
        else resolve(outcome.value);
      });
    } catch (error) {
      const isLeft = error instanceof WriteNotDone && present.some(({ attempt }) => attempt.late.aborted);
      if (isLeft) await settle(key, present);
      else for (const { reject } of present) reject(error);
    }
  }

  return (key: string, request: Q): Promise<R> => {
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    const leave = (error: unknown): void => {
      const at = queues.get(key)?.indexOf(waiting) ?? -1;
      if (at !== -1) queues.get(key)?.splice(at, 1);
      reject(error);
    };
    const attempt = createAttempt(timeoutMs, leave);
    const answered = promise.then(attempt.stop, attempt.stop);
    const waiting: Waiting<Q, R> = { request, attempt, resolve, reject, answered };
    const running = queues.get(key);
    if (running) {
      running.push(waiting);
      return promise;
    }
    const queue = [waiting];
    queues.set(key, queue);
    void work(key, queue);
    return promise;
  };
}

/** Returns a guard that allows a commit only while all callers that it concerns are still waiting. */
function guardFor<Q, R>(group: readonly Waiting<Q, R>[]): CommitGuard {
  return {
    beforeCommit() {
      if (group.some(({ attempt }) => attempt.late.aborted))
        throw new WriteNotDone("A request of the group timed out before the commit");
      for (const { attempt } of group) attempt.beforeCommit();
    },
    commitRefused() {
      for (const { attempt } of group) attempt.commitRefused();
    },
    late: AbortSignal.any(group.map(({ attempt }) => attempt.late)),
  };
}
