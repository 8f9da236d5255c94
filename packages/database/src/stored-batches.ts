import { addUnusedNumbers } from "./deleted-numbers.ts";
import { isDuplicateKey } from "./errors.ts";
import { recordNumberings, type Numbering } from "./numberings.ts";
import { checkOwners, type Placed } from "./owners.ts";
import { RetryTransaction, placeholders } from "./transaction.ts";
import type { Statements } from "./session.ts";

/** A batch whose messages Redis lost, with their numbers, if these are known. */
export interface LostBatch {
  readonly id: Uint8Array;
  readonly messages: readonly (Placed & { readonly number: number })[];
  readonly numberings: readonly Numbering[];
}

/** Records lost batches as stored, and that the numbers of their messages have none. */
export async function noteLost(tx: Statements, batches: readonly LostBatch[]): Promise<void> {
  // A worker that read a batch before it was lost either stored it before, or stores it now as one that is delivered again.
  await recordBatches(tx, batches);
  const { placed } = await checkOwners(
    tx,
    batches.flatMap(({ messages }) => messages),
  );
  const present = new Set(placed.map(({ chatId }) => chatId));
  await recordNumberings(
    tx,
    batches.flatMap(({ numberings }) => numberings.filter(({ chatId }) => present.has(chatId))),
  );
  await addUnusedNumbers(tx, placed);
}

/** Inserts the new ids in id order. If another delivery inserts one at the same time, the transaction starts again. */
export async function recordBatches<B extends { readonly id: Uint8Array }>(tx: Statements, batches: readonly B[]) {
  if (batches.length === 0) return { fresh: [], delivered: [] };
  const known = await tx.$queryRawUnsafe<{ id: Uint8Array }[]>(
    `SELECT id FROM stored_batches WHERE id IN (${placeholders(batches)})`,
    ...batches.map((batch) => batch.id),
  );
  const taken = new Set(known.map((row) => hex(row.id)));
  const fresh = batches.filter((batch) => !taken.has(hex(batch.id)));
  const delivered = batches.filter((batch) => taken.has(hex(batch.id)));
  if (fresh.length > 0) {
    const ids = fresh.map((batch) => batch.id).sort((a, b) => Buffer.compare(a, b));
    try {
      await tx.$executeRawUnsafe(
        `INSERT INTO stored_batches (id, stored_at) VALUES ${ids.map(() => "(?, UTC_TIMESTAMP(3))").join(", ")}`,
        ...ids,
      );
    } catch (error) {
      throw isDuplicateKey(error)
        ? new RetryTransaction("the batch is being delivered twice concurrently", { cause: error })
        : error;
    }
  }
  return { fresh, delivered };
}

/** Returns an id as a key of a map. */
export function hex(id: Uint8Array): string {
  return Buffer.from(id).toString("hex");
}
