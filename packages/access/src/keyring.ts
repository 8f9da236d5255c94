import type { PublicKey } from "@confab/contracts";
import { createRecent } from "@confab/async";
import { hasChecksum, hashKey, isSameHash, readKey } from "./key-format.ts";
import { createLookups, type LookupOptions } from "./key-lookups.ts";
import type { Principal } from "./principal.ts";

export interface KeyringOptions {
  readonly load: LookupOptions["load"];
  /** Maximum age in ms at which a known key is used without reading it again first. */
  readonly freshMs?: number;
  /** Maximum age in ms at which a known key still works while the database is unavailable. */
  readonly staleMs?: number;
  /** Maximum number of known keys, and of ids that are known to be invalid. */
  readonly maxKeys?: number;
}

export type Keyring = ReturnType<typeof createKeyring>;

/**
 * Time in ms during which an id is refused without another look-up, after the database returned no valid key for it.
 * The id is invented, or its key was revoked.
 */
const unknownMs = 2_000;

/** A key that was not revoked when it was read, and its principal. */
export interface ValidKey {
  /** SHA-256 of the key; null for a public key. */
  readonly hash: Uint8Array | null;
  readonly publicKey: PublicKey | null;
  readonly principal: Principal;
}

interface KnownKey extends ValidKey {
  /** When the query that read the key began, on the clock of `performance.now()`. */
  readonly readAt: number;
  /**
   * When the key was last used, in milliseconds since 1970, and the latest such time that is already in the database.
   */
  usedAt: number;
  writtenAt: number;
}

/**
 * Creates the keyring of this process, which holds the keys that the process knows. For a known key, a request costs
 * one Map look-up and one hash. While a key is in use, it is read again in the background. A key that was not read for
 * `freshMs` is read before its next use. While the database is unavailable, a key works for `staleMs` after it was last
 * read.
 */
export function createKeyring({ load, freshMs = 10_000, staleMs = 600_000, maxKeys = 10_000 }: KeyringOptions) {
  const known = new Map<string, KnownKey>();
  const unknown = createRecent(maxKeys, unknownMs);
  /** Unwritten last uses of keys that are no longer known. */
  const unwritten = new Map<string, number>();
  const listeners = new Set<(keyId: string) => void>();
  let trustedFrom = 0;

  const lookups = createLookups({
    load,
    onResult(keyId, credential, askedAt) {
      if (credential?.revokedAt !== null) {
        drop(keyId);
        unknown.add(keyId);
      } else {
        const { hash, publicKey, scopes, token, expiresAt } = credential;
        const previous = known.get(keyId);
        const principal = {
          name: `key ${keyId}`,
          token: token ?? undefined,
          scopes: new Set(scopes),
          keyId,
          expiresAt: expiresAt?.getTime() ?? Infinity,
        };
        const times = { readAt: askedAt, usedAt: previous?.usedAt ?? 0, writtenAt: previous?.writtenAt ?? 0 };
        known.delete(keyId);
        known.set(keyId, { hash, publicKey, principal, ...times });
        for (const oldest of known.keys()) {
          if (known.size <= maxKeys) break;
          drop(oldest);
        }
      }
      for (const listener of listeners) listener(keyId);
    },
  });

  function drop(keyId: string): void {
    const key = known.get(keyId);
    if (!key) return;
    known.delete(keyId);
    if (key.usedAt > key.writtenAt && unwritten.size < maxKeys) unwritten.set(keyId, key.usedAt);
  }

  /** Returns whether a key may be used without reading it first. */
  function isUsable({ readAt }: KnownKey): boolean {
    const age = performance.now() - readAt;
    return (age < freshMs && readAt >= trustedFrom) || (lookups.isFailing() && age < staleMs);
  }

  const isDue = ({ readAt }: KnownKey): boolean => readAt < trustedFrom || performance.now() - readAt >= freshMs / 2;

  function refresh(keyId: string): void {
    lookups.lookUp(keyId).catch(() => undefined);
  }

  async function readThenFind(keyId: string): Promise<KnownKey | undefined> {
    try {
      await lookups.lookUp(keyId);
    } catch (error) {
      const key = known.get(keyId);
      if (!key || !isUsable(key)) throw error;
    }
    return known.get(keyId);
  }

  function findKey(keyId: string): KnownKey | undefined | Promise<KnownKey | undefined> {
    const key = known.get(keyId);
    if (key && isUsable(key)) {
      if (isDue(key)) refresh(keyId);
      return key;
    }
    return !key && unknown.has(keyId) ? undefined : readThenFind(keyId);
  }

  const valid = (key: KnownKey | undefined): KnownKey | undefined =>
    key && key.principal.expiresAt > Date.now() ? key : undefined;

  function open(key: KnownKey | undefined, text: string): Principal | undefined {
    if (!valid(key) || !key?.hash || !isSameHash(key.hash, hashKey(text))) return undefined;
    key.usedAt = Date.now();
    return key.principal;
  }

  return {
    /**
     * Returns the principal of a key, or undefined if the key is unknown, revoked, expired or not a key at all. Rejects
     * with `KeysUnavailable`.
     */
    find(text: string): Principal | undefined | Promise<Principal | undefined> {
      const read = readKey(text);
      if (!read) return undefined;
      const { keyId } = read;
      if (!known.has(keyId) && !hasChecksum(text)) return undefined;
      const key = findKey(keyId);
      return key instanceof Promise ? key.then((found) => open(found, text)) : open(key, text);
    },

    /**
     * Returns the key behind a user token or a ticket, or undefined if the key is unknown, revoked or expired. Rejects
     * with `KeysUnavailable`.
     */
    signer(keyId: string): ValidKey | undefined | Promise<ValidKey | undefined> {
      const key = findKey(keyId);
      return key instanceof Promise ? key.then(valid) : valid(key);
    },

    /** Notes that a user token or a ticket of a known key was used. */
    markUsed(keyId: string): void {
      const key = known.get(keyId);
      if (key) key.usedAt = Date.now();
    },

    /**
     * Returns a known key's principal and the time of its last read, or undefined if the key is not known. Reads an
     * unknown or outdated key in the background.
     */
    current(keyId: string): { readonly principal: Principal; readonly readAt: number } | undefined {
      const key = known.get(keyId);
      if (!key || isDue(key)) refresh(keyId);
      return key;
    },

    /** Forgets a key that has changed, and reads it again. */
    change(keyId: string): void {
      lookups.change(keyId);
      drop(keyId);
      refresh(keyId);
    },

    /** Marks all keys as outdated because changes may have been missed. Each key is then read before its next use. */
    distrust(): void {
      trustedFrom = performance.now();
    },

    /**
     * Calls `listener` after each successful look-up, even if there is no such key. Returns a function that removes the
     * listener.
     */
    onRead(listener: (keyId: string) => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    /**
     * Passes all last uses that are not yet in the database to `write`. If `write` fails, the next call passes them
     * again.
     */
    async writeUses(write: (uses: ReadonlyMap<string, Date>) => Promise<void>): Promise<void> {
      const used = [...known].filter(([, { usedAt, writtenAt }]) => usedAt > writtenAt);
      const uses = new Map([...unwritten, ...used.map(([keyId, { usedAt }]) => [keyId, usedAt] as const)]);
      if (uses.size === 0) return;
      await write(new Map([...uses].map(([keyId, usedAt]) => [keyId, new Date(usedAt)])));
      for (const [keyId, usedAt] of uses) {
        const key = known.get(keyId);
        if (key) key.writtenAt = Math.max(key.writtenAt, usedAt);
        if (unwritten.get(keyId) === usedAt) unwritten.delete(keyId);
      }
    },
  };
}
