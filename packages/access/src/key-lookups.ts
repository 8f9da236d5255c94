import type { PublicKey, Scope } from "@confab/contracts";

/** A key as stored in the database. */
export interface Credential {
  readonly keyId: string;
  /** SHA-256 of the key; null for a public key. */
  readonly hash: Uint8Array | null;
  readonly publicKey: PublicKey | null;
  readonly scopes: readonly Scope[];
  /** Token of the key's application; null for an admin key. */
  readonly token: string | null;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

/** Thrown if a key cannot be checked because the database did not answer or too many keys wait to be checked. */
export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

export interface LookupOptions {
  /** Returns the keys with these ids, in one query. */
  readonly load: (keyIds: readonly string[]) => Promise<readonly Credential[]>;
  /**
   * Receives the key with each id (undefined if there is none), and the time at which the query began, on the clock of
   * `performance.now()`.
   */
  readonly onResult: (keyId: string, credential: Credential | undefined, askedAt: number) => void;
  /** Maximum number of keys per query, and maximum number of keys that wait for a query. */
  readonly maxGroup?: number;
  readonly maxWaiting?: number;
  /** Time in ms after a failed query during which look-ups fail without another query. */
  readonly pauseMs?: number;
}

interface Waiting {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Looks up keys in the database, one query at a time. All keys that arrive during a query share the next one, so
 * thousands of invented keys cost only a few queries.
 */
export function createLookups(options: LookupOptions) {
  const { load, onResult, maxGroup = 500, maxWaiting = 10_000, pauseMs = 1_000 } = options;
  const waiting = new Map<string, Waiting>();
  /** Keys that have changed since the current query began. */
  const changed = new Set<string>();
  let isAsking = false;
  let isFailing = false;
  let pausedUntil = 0;

  async function ask(): Promise<void> {
    isAsking = true;
    // The first query waits, so that it includes all keys that arrive in the same turn.
    await Promise.resolve();
    while (waiting.size > 0) {
      const group = [...waiting].slice(0, maxGroup);
      changed.clear();
      const askedAt = performance.now();
      try {
        const found = await load(group.map(([keyId]) => keyId));
        isFailing = false;
        const byId = new Map(found.map((credential) => [credential.keyId, credential]));
        for (const [keyId, { resolve }] of group) {
          // This result may be older than the change, so the key waits for the next query.
          if (changed.has(keyId)) continue;
          waiting.delete(keyId);
          onResult(keyId, byId.get(keyId), askedAt);
          resolve();
        }
      } catch (error) {
        isFailing = true;
        pausedUntil = performance.now() + pauseMs;
        const failure = new KeysUnavailable("The database did not answer", { cause: error });
        for (const { reject } of waiting.values()) reject(failure);
        waiting.clear();
      }
    }
    isAsking = false;
  }

  return {
    /** Returns whether the last query failed. */
    isFailing: (): boolean => isFailing,

    /** Looks up a key. Resolves once the result was passed to `onResult`, or rejects with `KeysUnavailable`. */
    lookUp(keyId: string): Promise<void> {
      const known = waiting.get(keyId);
      if (known) return known.promise;
      if (isFailing && performance.now() < pausedUntil)
        return Promise.reject(new KeysUnavailable("The database did not answer"));
      if (waiting.size >= maxWaiting) return Promise.reject(new KeysUnavailable("Too many keys wait to be checked"));
      const { promise, resolve, reject } = Promise.withResolvers<undefined>();
      waiting.set(keyId, {
        promise,
        resolve: () => {
          resolve(undefined);
        },
        reject,
      });
      if (!isAsking) void ask();
      return promise;
    },

    /** Notes that a key has changed in the database, so that the result of the current query for it is ignored. */
    change(keyId: string): void {
      if (isAsking) changed.add(keyId);
    },
  };
}
