import { IntakeBusy } from "./batcher.ts";

export interface FairGateOptions {
  /** Works that may run at once. */
  readonly width: number;
  /** Works of all and of one owner that may wait. */
  readonly maxWaiting: number;
  readonly maxWaitingOfOne: number;
}

export interface FairSemaphore {
  /**
   * Runs the work when it is its owner's turn; it is dropped, and the promise stays open, where `isLate` says so by then. Rejects with IntakeBusy
   * where too much waits.
   */
  run<T>(owner: string, isLate: () => boolean, work: () => Promise<T>): Promise<T>;
}

/** Lets only so many works run at once. Those of one owner wait in their order, and the owners take turns, so that one with thousands delays nobody. */
export function createFairSemaphore({ width, maxWaiting, maxWaitingOfOne }: FairGateOptions): FairSemaphore {
  interface Waiting {
    isLate: () => boolean;
    begin: () => void;
  }
  /** In the order of their turns. */
  const owners = new Map<string, Waiting[]>();
  let running = 0;
  let waiting = 0;

  function next(): Waiting | undefined {
    for (const [owner, queue] of owners) {
      const first = queue.shift();
      owners.delete(owner);
      if (queue.length > 0) owners.set(owner, queue);
      waiting -= 1;
      if (first !== undefined && !first.isLate()) return first;
    }
    return undefined;
  }

  function fill(): void {
    while (running < width) {
      const work = next();
      if (work === undefined) return;
      running += 1;
      work.begin();
    }
  }

  return {
    run: (owner, isLate, work) =>
      new Promise((resolve, reject) => {
        const begin = (): void => {
          work()
            .then(resolve, reject)
            .finally(() => {
              running -= 1;
              fill();
            });
        };
        const queue = owners.get(owner) ?? [];
        if (waiting >= maxWaiting || queue.length >= maxWaitingOfOne) {
          reject(new IntakeBusy("too many unknown chats are looked up"));
          return;
        }
        queue.push({ isLate, begin });
        owners.set(owner, queue);
        waiting += 1;
        fill();
      }),
  };
}
