import { createAttempt, WriteNotDone, type Attempt, type CommitGuard } from "./attempt.ts";

/** What became of one request of a group. */
export type Outcome<R> = { readonly value: R } | { readonly error: unknown };

/** Settles each request of its group, in order, or throws for all; the guard stands before the commit of some of them. */
export type RunGroup<Q, R> = (
  key: string,
  requests: readonly Q[],
  guardOf: (requests: readonly Q[]) => CommitGuard,
) => Promise<readonly Outcome<R>[]>;

export interface GroupOptions {
  /** Requests that go together at most. */
  readonly largest: number;
  /** How long a request waits, in the queue and in its group; unlimited by default. */
  readonly patienceMs?: number | undefined;
}

interface Waiting<Q, R> {
  readonly request: Q;
  readonly attempt: Attempt;
  readonly resolve: (value: R) => void;
  readonly reject: (error: unknown) => void;
  /** Resolves when the one who waits has an answer. */
  readonly answered: Promise<void>;
}

/**
 * Natural group commit: the first request of a key goes at once; those that come while it runs collect and go
 * together next, at most `largest` at a time, in order. A request whose time is over before its commit leaves the queue,
 * or its group: then the group starts again without it. So what was refused as late is not done.
 */
export function createGroups<Q, R>(run: RunGroup<Q, R>, { largest, patienceMs }: GroupOptions) {
  const queues = new Map<string, Waiting<Q, R>[]>();

  async function work(key: string, queue: Waiting<Q, R>[]): Promise<void> {
    while (queue.length > 0) {
      const group = queue.splice(0, largest);
      // A group that nobody waits for any more may hang for as long as its connection: the next one does not wait.
      await Promise.race([settle(key, group), Promise.all(group.map(({ answered }) => answered))]);
    }
    queues.delete(key);
  }

  async function settle(key: string, group: readonly Waiting<Q, R>[]): Promise<void> {
    const present = group.filter(({ attempt }) => !attempt.isLate());
    if (present.length === 0) return;
    try {
      const requests = present.map(({ request }) => request);
      const outcomes = await run(key, requests, (some) =>
        guardFor(present.filter(({ request }) => some.includes(request))),
      );
      present.forEach(({ resolve, reject }, i) => {
        const outcome = outcomes[i] ?? { error: new Error("The group settled fewer requests than it was given") };
        if ("error" in outcome) reject(outcome.error);
        else resolve(outcome.value);
      });
    } catch (error) {
      const isLeft = error instanceof WriteNotDone && present.some(({ attempt }) => attempt.isLate());
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
    const attempt = createAttempt(patienceMs, leave);
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

/** Lets a commit through only while everybody whom it concerns still waits. */
function guardFor<Q, R>(group: readonly Waiting<Q, R>[]): CommitGuard {
  return {
    beforeCommit() {
      if (group.some(({ attempt }) => attempt.isLate())) throw new WriteNotDone("One of the group waits no longer");
      for (const { attempt } of group) attempt.beforeCommit();
    },
    commitRefused() {
      for (const { attempt } of group) attempt.commitRefused();
    },
  };
}
