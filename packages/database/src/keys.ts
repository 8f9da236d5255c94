import type { PublicKey, Scope } from "@confab/contracts";
import { chunksOf } from "@confab/async";
import { findOwner } from "./applications.ts";
import { inTime } from "./attempt.ts";
import { recordAct, type Actor } from "./audit-log.ts";
import { placeholders, transaction } from "./transaction.ts";
import type { Database, Queryable } from "./client.ts";
import type { ApiKey } from "./generated/client.ts";

/** A key without its secret. */
export type KeyRow = Parsed<ApiKey>;

/** The token of the application that owns a key; null for admin keys. */
export type KeyOwner = string | null;

/** A key that was generated but is not stored yet. */
export interface KeyIdentity {
  readonly keyId: string;
  /** SHA-256 of the key; null for a public key. */
  readonly hash: Uint8Array | null;
  /** Undefined or null for a key with a secret. */
  readonly publicKey?: PublicKey | null;
}

export interface KeyToStore extends KeyIdentity {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
}

/** The fields that are needed to check a key. */
export interface StoredCredential extends Required<KeyIdentity> {
  readonly scopes: readonly Scope[];
  readonly token: KeyOwner;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

/** The key is revoked or has expired, so it cannot be rotated. */
export class KeyNotActive extends Error {
  override readonly name = "KeyNotActive";
}

export type Keys = ReturnType<typeof createKeys>;

/** Limits for one statement that stores the last uses of keys. */
const usesAtOnce = { maxItems: 500, maxSize: Infinity, sizeOf: () => 1 };

/**
 * Creates, finds, lists, rotates and revokes keys. Each act gets an entry in the audit log. A write that is not done
 * within `timeoutMs` fails with `WriteNotDone`, or with `WriteOutcomeUnknown` if its commit was already sent.
 */
export function createKeys(database: Database, { timeoutMs }: { timeoutMs?: number } = {}) {
  const { prisma } = database;
  const inTransaction = <T>(write: (tx: Queryable) => Promise<T>): Promise<T> =>
    inTime(timeoutMs, (guard) => transaction(database, write, { guard }));

  return {
    /** Returns undefined if the application is unknown. */
    create: (token: KeyOwner, key: KeyToStore, by: Actor): Promise<KeyRow | undefined> =>
      inTransaction(async (tx) => {
        const owner = token === null ? null : await findOwner({ prisma: tx }, token);
        if (token !== null && !owner) return undefined;
        const row = await insert(tx, owner?.id ?? null, key, new Date());
        await recordAct(tx, { act: "key-created", by, token, keyId: key.keyId });
        return row;
      }),

    /**
     * Lists the keys of an owner, oldest first. With `after`, begins after the key with this id. `next` is the id after
     * which the next page begins, or undefined on the last page. Returns undefined if the application is unknown.
     */
    async list(
      token: KeyOwner,
      { after, limit }: { after?: string | undefined; limit: number },
    ): Promise<{ items: KeyRow[]; next: string | undefined } | undefined> {
      const owner = token === null ? null : await findOwner(database, token);
      if (token !== null && !owner) return undefined;
      const applicationId = owner?.id ?? null;
      const position = after === undefined ? undefined : await find(prisma, token, after);
      const rows = await prisma.apiKey.findMany({
        where: { applicationId, ...(position && { id: { gt: position.id } }) },
        orderBy: { id: "asc" },
        take: limit + 1,
      });
      const items = rows.slice(0, limit);
      return { items: items.map(parsed), next: rows.length > limit ? items.at(-1)?.publicId : undefined };
    },

    /**
     * Replaces a key: stores a new key with the same name, scopes and lifetime, and lets the old key expire after the
     * grace period. Returns undefined if the owner has no such key, or if it is a public key. Throws `KeyNotActive`.
     */
    rotate: (
      token: KeyOwner,
      keyId: string,
      successor: KeyIdentity & { readonly graceMs: number },
      by: Actor,
    ): Promise<KeyRow | undefined> =>
      inTransaction(async (tx) => {
        const old = await lock(tx, token, keyId);
        if (old?.publicKey !== null) return undefined;
        const now = new Date();
        if (old.revokedAt !== null || (old.expiresAt !== null && old.expiresAt <= now)) {
          throw new KeyNotActive("The key is revoked or has expired");
        }
        const end = new Date(now.getTime() + successor.graceMs);
        if (old.expiresAt === null || end < old.expiresAt) {
          await tx.apiKey.update({ where: { id: old.id }, data: { expiresAt: end } });
        }
        const lifetimeMs = old.expiresAt && old.expiresAt.getTime() - old.createdAt.getTime();
        const expiresAt = lifetimeMs === null ? null : new Date(now.getTime() + lifetimeMs);
        const { name, scopes, applicationId } = parsed(old);
        const row = await insert(tx, applicationId, { ...successor, name, scopes, expiresAt }, now);
        await recordAct(tx, { act: "key-rotated", by, token, keyId });
        await recordAct(tx, { act: "key-created", by, token, keyId: successor.keyId });
        return row;
      }),

    /** Revokes a key. Returns false if the owner has no such key. A key that is already revoked stays as it is. */
    revoke: (token: KeyOwner, keyId: string, by: Actor): Promise<boolean> =>
      inTransaction(async (tx) => {
        const key = await lock(tx, token, keyId);
        if (!key) return false;
        if (key.revokedAt !== null) return true;
        await tx.apiKey.update({ where: { id: key.id }, data: { revokedAt: new Date() } });
        await recordAct(tx, { act: "key-revoked", by, token, keyId });
        return true;
      }),

    /** Reads the credentials of the keys with these ids in one query. Leaves out unknown ids. */
    async credentials(keyIds: readonly string[]): Promise<StoredCredential[]> {
      const rows = await prisma.$queryRawUnsafe<StoredAsText<StoredCredential>[]>(
        `SELECT k.public_id AS keyId, k.hash, k.public_key AS publicKey, k.scopes, a.token, k.expires_at AS expiresAt, k.revoked_at AS revokedAt
           FROM api_keys k LEFT JOIN applications a ON a.id = k.application_id
          WHERE k.public_id IN (${placeholders(keyIds)})`,
        ...keyIds,
      );
      return rows.map(parsed);
    },

    /** Returns whether any key is valid now, either of an application or an admin key. */
    async hasActive(): Promise<boolean> {
      const rows = await database.query<unknown[]>(
        "SELECT 1 FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) LIMIT 1",
        new Date(),
      );
      return rows.length > 0;
    },

    /** Stores the times at which keys were last used. Does not replace a later time that is already stored. */
    async markUsed(uses: ReadonlyMap<string, Date>): Promise<void> {
      // Sorts the keys, so that processes that write at the same time wait for each other instead of deadlocking.
      const sorted = [...uses].sort(([a], [b]) => (a < b ? -1 : 1));
      for (const chunk of chunksOf(sorted, usesAtOnce)) {
        const ids = chunk.map(([keyId]) => keyId);
        const cases = chunk.map(() => "WHEN ? THEN ?").join(" ");
        await transaction(database, (tx) =>
          tx.$executeRawUnsafe(
            `UPDATE api_keys
                SET last_used_at = GREATEST(COALESCE(last_used_at, created_at), CAST(CASE public_id ${cases} END AS DATETIME(3)))
              WHERE public_id IN (${placeholders(ids)})`,
            ...chunk.flat(),
            ...ids,
          ),
        );
      }
    },
  };
}

type Parsed<T> = Omit<T, "scopes" | "publicKey"> & {
  readonly scopes: readonly Scope[];
  readonly publicKey: PublicKey | null;
};
type StoredAsText<T> = Omit<T, "scopes" | "publicKey"> & { readonly scopes: string; readonly publicKey: string | null };

function parsed<T extends { readonly scopes: string; readonly publicKey: string | null }>(row: T): Parsed<T> {
  const publicKey = row.publicKey === null ? null : (JSON.parse(row.publicKey) as PublicKey);
  return { ...row, scopes: row.scopes.split(",") as Scope[], publicKey };
}

async function insert(
  tx: Queryable,
  applicationId: bigint | null,
  { keyId, hash, publicKey = null, name, scopes, expiresAt }: KeyToStore,
  createdAt: Date,
): Promise<KeyRow> {
  const data = {
    applicationId,
    publicId: keyId,
    name,
    scopes: scopes.join(","),
    createdAt,
    expiresAt,
    hash: hash && Buffer.from(hash),
    publicKey: publicKey && JSON.stringify(publicKey),
  };
  return parsed(await tx.apiKey.create({ data }));
}

function find(tx: Queryable, token: KeyOwner, publicId: string): Promise<ApiKey | null> {
  const owner = token === null ? { applicationId: null } : { application: { token } };
  return tx.apiKey.findFirst({ where: { publicId, ...owner } });
}

/** Finds and locks a key of an owner, so that only one request at a time can rotate or revoke it. */
async function lock(tx: Queryable, token: KeyOwner, publicId: string): Promise<ApiKey | null> {
  const key = await find(tx, token, publicId);
  if (!key) return null;
  await tx.$queryRaw`SELECT id FROM api_keys WHERE id = ${key.id} FOR UPDATE`;
  return tx.apiKey.findUnique({ where: { id: key.id } });
}
