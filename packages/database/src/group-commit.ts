type Settle<R> = { readonly value: R } | { readonly error: unknown };

interface Waiting<Q, R> {
  readonly request: Q;
  readonly resolve: (value: R) => void;
  readonly reject: (error: unknown) => void;
}

/** What became of one request of a group. */
export type Outcome<R> = Settle<R>;

/**
 * Natural group commit: the first request of a key goes at once; those that come while it runs collect and go
 * together next, at most `largest` at a time, in order. `run` settles each request of its group, in order, or throws
 * for all of them.
 */
export function createGroups<Q, R>(
  run: (key: string, requests: readonly Q[]) => Promise<readonly Outcome<R>[]>,
  largest: number,
): (key: string, request: Q) => Promise<R> {
  const queues = new Map<string, Waiting<Q, R>[]>();

  async function work(key: string, queue: Waiting<Q, R>[]): Promise<void> {
    for (let group = queue.splice(0, largest); group.length > 0; group = queue.splice(0, largest)) {
      try {
        const outcomes = await run(
          key,
          group.map((waiting) => waiting.request),
        );
        group.forEach((waiting, i) => {
          const outcome = outcomes[i] ?? { error: new Error("The group settled fewer requests than it was given") };
          if ("error" in outcome) waiting.reject(outcome.error);
          else waiting.resolve(outcome.value);
        });
      } catch (error) {
        for (const waiting of group) waiting.reject(error);
      }
    }
    queues.delete(key);
  }

  return (key, request) =>
    new Promise<R>((resolve, reject) => {
      const waiting = { request, resolve, reject };
      const running = queues.get(key);
      if (running) {
        running.push(waiting);
        return;
      }
      const queue = [waiting];
      queues.set(key, queue);
      void work(key, queue);
    });
}
