import type { PublicKey, Scope } from "@confab/contracts";

/** A key as it is stored. */
export interface Credential {
  readonly keyId: string;
  /** SHA-256 of the key; null for a public key. */
  readonly hash: Uint8Array | null;
  readonly publicKey: PublicKey | null;
  readonly scopes: readonly Scope[];
  /** The token of its application; null for an admin key. */
  readonly token: string | null;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

/** The key cannot be checked: the database did not answer, or too many keys wait to be checked. */
export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

export interface LookupOptions {
  /** Returns the keys with these ids, in one query. */
  readonly load: (keyIds: readonly string[]) => Promise<readonly Credential[]>;
  /** Receives each result, undefined if there is no such key, and when the query began, on the clock of `performance.now()`. */
  readonly onResult: (keyId: string, credential: Credential | undefined, askedAt: number) => void;
  /** Maximum number of keys per query, and of keys that wait for a query. */
  readonly maxGroup?: number;
  readonly maxWaiting?: number;
  /** After a failed query the database is left alone for this long. */
  readonly pauseMs?: number;
}

interface Waiting {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Looks keys up in the database, one query at a time: all keys that arrive during a query share the next one. So thousands of
 * invented keys cost a few queries.
 */
export function createLookups(options: LookupOptions) {
  const { load, onResult, maxGroup = 500, maxWaiting = 10_000, pauseMs = 1_000 } = options;
  const waiting = new Map<string, Waiting>();
  /** The keys of the query under way that have changed since it began. */
  const changed = new Set<string>();
  let isAsking = false;
  let isFailing = false;
  let pausedUntil = 0;

  async function ask(): Promise<void> {
    isAsking = true;
    // Keys that arrive in the same turn belong to the first query.
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
          // This answer may be older than the change, so the key waits for the next query.
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
    /** True from a failed query to the next one that succeeds. */
    isFailing: (): boolean => isFailing,

    /** Resolves after the result was passed to `onResult`; rejects with `KeysUnavailable`. */
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

    /** Notes that a key has changed in the database: what a query under way has read of it no longer counts. */
    change(keyId: string): void {
      if (isAsking) changed.add(keyId);
    },
  };
}
