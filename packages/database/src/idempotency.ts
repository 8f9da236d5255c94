import { IdempotencyConflict } from "./errors.ts";
import { identifierBytes, identifierText } from "./identifiers.ts";
import { placeholderRows, placeholders } from "./transaction.ts";
import type { Queryable } from "./client.ts";

/** A client's `Idempotency-Key` and a 32-byte hash of its request. */
export interface Idempotency {
  readonly key: string;
  readonly requestHash: Uint8Array;
}

interface KnownKey {
  readonly key: string;
  readonly requestHash: Uint8Array;
  readonly resourceId: bigint;
  readonly createdAt: Date;
}

/** Finds which of the keys are already used in a scope. Returns their entries by key. */
export async function findKeys(tx: Queryable, scope: string, keys: string[]): Promise<Map<string, KnownKey>> {
  if (keys.length === 0) return new Map();
  const rows = await tx.$queryRawUnsafe<(Omit<KnownKey, "key"> & { key: Uint8Array })[]>(
    `SELECT idempotency_key AS \`key\`, request_hash AS requestHash, resource_id AS resourceId, created_at AS createdAt
       FROM idempotency_keys WHERE scope = ? AND idempotency_key IN (${placeholders(keys)})`,
    scope,
    ...keys.map(identifierBytes),
  );
  const known = rows.map((row) => ({ ...row, key: identifierText(row.key) }));
  return new Map(known.map((row) => [row.key, row]));
}

/** Inserts the keys of newly created resources. Throws a duplicate-key error if one is already used. */
export async function insertKeys(
  tx: Queryable,
  scope: string,
  keys: readonly { idempotency: Idempotency; resourceId: bigint }[],
  now: Date,
): Promise<void> {
  if (keys.length === 0) return;
  await tx.$executeRawUnsafe(
    `INSERT INTO idempotency_keys (scope, idempotency_key, request_hash, resource_id, created_at)
     VALUES ${placeholderRows(keys.length, 5)}`,
    ...keys.flatMap(({ idempotency, resourceId }) => [
      scope,
      identifierBytes(idempotency.key),
      idempotency.requestHash,
      resourceId,
      now,
    ]),
  );
}

/** Returns true if two 32-byte hashes of requests are equal. */
export function isSameRequest(first: Uint8Array, second: Uint8Array): boolean {
  return Buffer.compare(first, second) === 0;
}

/** Returns the error for a key that was used before with a different request. */
export function otherRequestConflict(key: string): IdempotencyConflict {
  return new IdempotencyConflict(
    `The idempotency key ${JSON.stringify(key)} was already used with a different request`,
  );
}

/** Returns the error for a key whose resource was deleted. A repeated request must not create the resource again. */
export function deletedConflict(key: string): IdempotencyConflict {
  return new IdempotencyConflict(
    `The resource that was created with the idempotency key ${JSON.stringify(key)} has been deleted`,
  );
}
