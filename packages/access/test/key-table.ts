import { createKey } from "../src/key-format.ts";
import type { Credential } from "../src/key-lookups.ts";
import { createKeyring, type KeyringOptions } from "../src/keyring.ts";

/** Creates a fake table of keys. A test can make queries fail, or hold back their results. */
export function keyTable(options: Partial<KeyringOptions> = {}) {
  const rows = new Map<string, Credential>();
  const queries: (readonly string[])[] = [];
  const state = { isUnavailable: false, held: undefined as Promise<void> | undefined };
  const keyring = createKeyring({
    load: async (keyIds) => {
      queries.push(keyIds);
      const found = keyIds.flatMap((keyId) => rows.get(keyId) ?? []);
      await state.held;
      if (state.isUnavailable) throw new Error("the database is unavailable");
      return found;
    },
    ...options,
  });
  return {
    rows,
    queries,
    state,
    keyring,
    add: (expiresAt: Date | null = null, other: Partial<Credential> = {}): string => {
      const { key, keyId, hash } = createKey("application");
      const known = {
        keyId,
        hash,
        publicKey: null,
        scopes: ["read"],
        token: "token",
        expiresAt,
        revokedAt: null,
      } as const;
      rows.set(keyId, { ...known, ...other });
      return key;
    },
    revoke: (key: string): string => {
      const keyId = idOf(key);
      rows.set(keyId, { ...rows.get(keyId)!, revokedAt: new Date() });
      return keyId;
    },
  };
}

export const idOf = (key: string): string => key.split("_")[1]!;

export async function rejection(work: unknown): Promise<unknown> {
  return Promise.resolve(work).then(
    () => undefined,
    (error: unknown) => error,
  );
}
