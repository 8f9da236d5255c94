export interface FairShareOptions {
  /** Maximum number of pieces of work that run at once, for all keys together and for each key. */
  readonly total: number;
  readonly perKey: number;
  /** Maximum number of pieces of work that wait, for all keys together (unlimited by default) and for each key. */
  readonly waiting?: number;
  readonly waitingPerKey: number;
  /** Maximum time in ms that work waits. */
  readonly waitMs: number;
  /**
   * Makes the error for work that is refused or has waited too long. `isOwn` says whether the limit of its own key is
   * the cause.
   */
  readonly refuse: (isOwn: boolean) => Error;
}

interface Key {
  running: number;
  readonly waiting: Set<() => void>;
}

/** Runs work when it is its key's turn. Work waits at most `withinMs` if that is less than the share's `waitMs`. */
export type FairShare = <T>(name: string, work: () => Promise<T>, withinMs?: number) => Promise<T>;

/**
 * Limits how much work runs at once. Waiting keys take turns, so that none delays the others. The work of one key runs
 * in order of arrival.
 */
export function createFairShare(options: FairShareOptions): FairShare {
  const { total, perKey, waiting: maxWaiting = Infinity, waitingPerKey, waitMs, refuse } = options;
  // Keys in the order of their turns. A key moves to the end when its work starts.
  const keys = new Map<string, Key>();
  let running = 0;
  let waiting = 0;

  const isFree = (key: Key): boolean => running < total && key.running < perKey;

  function start(name: string, key: Key): void {
    running += 1;
    key.running += 1;
    keys.delete(name);
    keys.set(name, key);
  }

  function startNext(): void {
    for (const [name, key] of keys) {
      const [first] = key.waiting;
      if (first === undefined || !isFree(key)) continue;
      key.waiting.delete(first);
      start(name, key);
      first();
      return;
    }
  }

  function forget(name: string, key: Key): void {
    if (key.running === 0 && key.waiting.size === 0 && keys.get(name) === key) keys.delete(name);
  }

  async function wait(key: Key, withinMs: number): Promise<void> {
    if (key.waiting.size >= waitingPerKey) throw refuse(true);
    if (waiting >= maxWaiting) throw refuse(false);
    waiting += 1;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const begin = (): void => {
      resolve(undefined);
    };
    key.waiting.add(begin);
    const timer = setTimeout(
      () => {
        key.waiting.delete(begin);
        reject(refuse(key.running >= perKey));
      },
      Math.min(waitMs, withinMs),
    );
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      waiting -= 1;
    }
  }

  return async (name, work, withinMs = waitMs) => {
    const key = keys.get(name) ?? { running: 0, waiting: new Set() };
    if (isFree(key) && key.waiting.size === 0) start(name, key);
    else {
      keys.set(name, key);
      try {
        await wait(key, withinMs);
      } catch (error) {
        forget(name, key);
        throw error;
      }
    }
    try {
      return await work();
    } finally {
      running -= 1;
      key.running -= 1;
      startNext();
      forget(name, key);
    }
  };
}
