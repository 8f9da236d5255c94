export interface FairShareOptions {
  /** How much may be under way at once, of all keys and of each one. */
  readonly total: number;
  readonly perKey: number;
  /** How many may wait for each key, and how long. */
  readonly waitingPerKey: number;
  readonly waitMs: number;
  /** What is thrown for who cannot wait or has waited long enough; `isOwn` where the key itself has its share. */
  readonly refuse: (isOwn: boolean) => Error;
}

interface Key {
  running: number;
  readonly waiting: Set<() => void>;
}

export type FairShare = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/** Runs work such that no key takes more than its share: keys that wait take turns, within a key it is first come first served. */
export function createFairShare({ total, perKey, waitingPerKey, waitMs, refuse }: FairShareOptions): FairShare {
  // In the order of turns: a key that had one goes to the end.
  const keys = new Map<string, Key>();
  let running = 0;

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

  async function wait(key: Key): Promise<void> {
    if (key.waiting.size >= waitingPerKey) throw refuse(true);
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const begin = (): void => {
      resolve(undefined);
    };
    key.waiting.add(begin);
    const timer = setTimeout(() => {
      key.waiting.delete(begin);
      reject(refuse(key.running >= perKey));
    }, waitMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  return async (name, work) => {
    const key = keys.get(name) ?? { running: 0, waiting: new Set() };
    if (isFree(key) && key.waiting.size === 0) start(name, key);
    else {
      keys.set(name, key);
      await wait(key);
    }
    try {
      return await work();
    } finally {
      running -= 1;
      key.running -= 1;
      startNext();
      if (key.running === 0 && key.waiting.size === 0 && keys.get(name) === key) keys.delete(name);
    }
  };
}
