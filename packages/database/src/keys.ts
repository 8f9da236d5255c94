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

/** A key that was made and not stored yet. */
export interface KeyIdentity {
  readonly keyId: string;
  /** SHA-256 of the key; null for a public key. */
  readonly hash: Uint8Array | null;
  /** Absent for a key with a secret. */
  readonly publicKey?: PublicKey | null;
}

export interface KeyToStore extends KeyIdentity {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
}

/** The columns that the check of a key needs. */
export interface StoredCredential extends Required<KeyIdentity> {
  readonly scopes: readonly Scope[];
  readonly token: KeyOwner;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

/** The key is revoked or has expired, so it cannot be replaced. */
export class KeyNotActive extends Error {
  override readonly name = "KeyNotActive";
}

export type Keys = ReturnType<typeof createKeys>;

/** The keys whose last use is written in one statement. */
const usesAtOnce = { maxItems: 500, maxSize: Infinity, sizeOf: () => 1 };

/**
 * Creates, finds, lists, rotates and revokes keys, each act with its entry in the audit log. A write that is not done within
 * `timeoutMs` fails with `WriteNotDone`, or with `WriteOutcomeUnknown` if its commit was already sent.
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
     * All keys of an owner, oldest first, after the key with an id. `next` is the id after which the next page begins, absent on the
     * last page. Undefined if the application is unknown.
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
     * Stores a key with the name, the scopes and the lifetime of another one, which expires after the grace period. Returns undefined
     * if the owner has no such key; throws `KeyNotActive`. A public key has no successor.
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

    /** Returns false if the owner has no such key. One that is revoked already stays as it is. */
    revoke: (token: KeyOwner, keyId: string, by: Actor): Promise<boolean> =>
      inTransaction(async (tx) => {
        const key = await lock(tx, token, keyId);
        if (!key) return false;
        if (key.revokedAt !== null) return true;
        await tx.apiKey.update({ where: { id: key.id }, data: { revokedAt: new Date() } });
        await recordAct(tx, { act: "key-revoked", by, token, keyId });
        return true;
      }),

    /** Reads the credentials of the keys with these ids, in one query. Unknown ones are left out. */
    async credentials(keyIds: readonly string[]): Promise<StoredCredential[]> {
      const rows = await prisma.$queryRawUnsafe<StoredAsText<StoredCredential>[]>(
        `SELECT k.public_id AS keyId, k.hash, k.public_key AS publicKey, k.scopes, a.token, k.expires_at AS expiresAt, k.revoked_at AS revokedAt
           FROM api_keys k LEFT JOIN applications a ON a.id = k.application_id
          WHERE k.public_id IN (${placeholders(keyIds)})`,
        ...keyIds,
      );
      return rows.map(parsed);
    },

    /** Returns whether any key works now, of an application or an admin key. */
    async hasActive(): Promise<boolean> {
      const rows = await database.query<unknown[]>(
        "SELECT 1 FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) LIMIT 1",
        new Date(),
      );
      return rows.length > 0;
    },

    /** Writes when keys were last used. A later time that is known already stays. */
    async markUsed(uses: ReadonlyMap<string, Date>): Promise<void> {
      // In one order, so that processes that write at the same time wait for each other instead of deadlocking.
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

/** Finds the key of an owner and locks it, so that it is rotated and revoked by one request at a time. */
async function lock(tx: Queryable, token: KeyOwner, publicId: string): Promise<ApiKey | null> {
  const key = await find(tx, token, publicId);
  if (!key) return null;
  await tx.$queryRaw`SELECT id FROM api_keys WHERE id = ${key.id} FOR UPDATE`;
  return tx.apiKey.findUnique({ where: { id: key.id } });
}
