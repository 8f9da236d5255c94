export interface GatheredOptions<Key, Value> {
  /** Reads the values of different keys. The result leaves out keys without a value. */
  readonly load: (keys: Key[]) => Promise<ReadonlyMap<string, Value>> | ReadonlyMap<string, Value | Promise<Value>>;
  readonly nameOf: (key: Key) => string;
  /** Minimum time in ms between two loads. */
  readonly paceMs?: number;
  /** Maximum number of keys per load. */
  readonly maxKeys?: number;
}

interface Asked<Key, Value> {
  readonly key: Key;
  readonly promise: Promise<Value | undefined>;
  readonly resolve: (value: Value | Promise<Value> | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Answers each request from a load that begins after the request. The first request starts a load at once. Requests
 * that arrive within `paceMs` of it share one load at the end of that time. Thousands of clients that reconnect at once
 * therefore cost only a few loads, and none gets an old answer.
 */
export function createGathered<Key, Value>(options: GatheredOptions<Key, Value>) {
  const { load, nameOf, paceMs = 20, maxKeys = 500 } = options;
  let waiting = new Map<string, Asked<Key, Value>>();
  let isPacing = false;

  async function answer(asked: [string, Asked<Key, Value>][]): Promise<void> {
    try {
      const values = await load(asked.map(([, { key }]) => key));
      for (const [name, { resolve }] of asked) resolve(values.get(name));
    } catch (error) {
      for (const [, { reject }] of asked) reject(error);
    }
  }

  function next(): void {
    isPacing = waiting.size > 0;
    if (!isPacing) return;
    const asked = [...waiting];
    waiting = new Map();
    for (let at = 0; at < asked.length; at += maxKeys) void answer(asked.slice(at, at + maxKeys));
    setTimeout(next, paceMs);
  }

  /** Returns the value of a key, or undefined if it has none. Rejects if the value could not be loaded. */
  return (key: Key): Promise<Value | undefined> => {
    const name = nameOf(key);
    const known = waiting.get(name);
    if (known) return known.promise;
    const asked = { key, ...Promise.withResolvers<Value | undefined>() };
    waiting.set(name, asked);
    if (!isPacing) next();
    return asked.promise;
  };
}
