import { isDuplicateKey } from "./errors.ts";
import { addToCounts, addToOutbox, byKey, compareWithStored, insertMessages, keyOf } from "./message-rows.ts";
import { Redo, list, transaction, tuples } from "./transaction.ts";
import type { Database, Queryable } from "./client.ts";
import type { AcceptedMessage, RefusedMessage } from "./message-rows.ts";

/** What one job stands for; the id (16 bytes) is the fence against a second delivery. */
export interface AcceptedBatch {
  readonly id: Uint8Array;
  readonly messages: readonly AcceptedMessage[];
}

export interface PersistResult {
  /** Messages that became rows now. */
  readonly stored: number;
  /** Batches that had been stored before, and were left alone. */
  readonly skippedBatches: number;
  /** Messages whose number another message holds: not stored, to be given a new number. */
  readonly conflicts: AcceptedMessage[];
  /** Messages that the database refuses: kept as dead letters. */
  readonly refused: RefusedMessage[];
}

const TIMEOUT_MS = 30_000;

export type Persistence = ReturnType<typeof createPersistence>;

/** Stores accepted messages exactly once. */
export function createPersistence(database: Database) {
  return {
    /**
     * One transaction for all batches: fence, rows, dead letters, search outbox and counts. Throws what is not about
     * a row; after a throw the outcome may be unknown, and the same call again settles it.
     */
    persist: (batches: readonly AcceptedBatch[]): Promise<PersistResult> =>
      transaction(database, (tx) => persist(tx, batches), { timeoutMs: TIMEOUT_MS }),
  };
}

async function persist(tx: Queryable, batches: readonly AcceptedBatch[]): Promise<PersistResult> {
  const now = new Date();
  const unique = [...new Map(batches.map((batch) => [hex(batch.id), batch])).values()];
  const { fresh, delivered } = await raiseFence(tx, unique, now);

  // A delivery whose answer was lost may have met conflicts: what still holds another's number is reported again.
  const repeated = delivered.flatMap((batch) => batch.messages);
  const earlier = repeated.length > 0 ? (await compareWithStored(tx, "messages", repeated)).conflicts : [];

  const { rows, clashes } = withoutClashes(fresh.flatMap((batch) => batch.messages).sort(byKey));
  const { stored, conflicts, refused } = await insertMessages(tx, rows);
  const dead = await bury(tx, refused, now);
  stored.sort(byKey);
  await addToOutbox(tx, stored, now);
  // Last, because every writer of a chat waits for the lock on its count.
  await addToCounts(tx, stored);
  return {
    stored: stored.length,
    skippedBatches: batches.length - fresh.length,
    conflicts: [...earlier, ...clashes, ...conflicts, ...dead.conflicts],
    refused: dead.buried,
  };
}

/** Takes the ids that are new, in id order. An id that appears meanwhile is a concurrent delivery: start again. */
async function raiseFence(tx: Queryable, batches: AcceptedBatch[], now: Date) {
  if (batches.length === 0) return { fresh: [], delivered: [] };
  const known = await tx.$queryRawUnsafe<{ id: Uint8Array }[]>(
    `SELECT id FROM batches WHERE id IN (${list(batches)})`,
    ...batches.map((batch) => batch.id),
  );
  const taken = new Set(known.map((row) => hex(row.id)));
  const fresh = batches.filter((batch) => !taken.has(hex(batch.id)));
  const delivered = batches.filter((batch) => taken.has(hex(batch.id)));
  if (fresh.length > 0) {
    const ids = fresh.map((batch) => batch.id).sort((a, b) => Buffer.compare(a, b));
    try {
      await tx.$executeRawUnsafe(
        `INSERT INTO batches (id, stored_at) VALUES ${tuples(ids.length, 2)}`,
        ...ids.flatMap((id) => [id, now]),
      );
    } catch (error) {
      throw isDuplicateKey(error) ? new Redo("batch delivered twice at once", { cause: error }) : error;
    }
  }
  return { fresh, delivered };
}

/** Of messages that share a number in one call, the first stays; another one clashes, the same one again is dropped. */
function withoutClashes(sorted: readonly AcceptedMessage[]): { rows: AcceptedMessage[]; clashes: AcceptedMessage[] } {
  const rows: AcceptedMessage[] = [];
  const clashes: AcceptedMessage[] = [];
  for (const message of sorted) {
    const last = rows.at(-1);
    if (last?.number !== message.number || last.chatId !== message.chatId) rows.push(message);
    else if (Buffer.compare(last.uid, message.uid) !== 0) clashes.push(message);
  }
  return { rows, clashes };
}

async function bury(tx: Queryable, refused: RefusedMessage[], now: Date) {
  if (refused.length === 0) return { buried: [], conflicts: [] };
  const { fresh, conflicts } = await compareWithStored(tx, "dead_letters", refused);
  const unburied = new Set(fresh.map(keyOf));
  const taken = new Set(conflicts.map(keyOf));
  const rows = refused.filter((row) => unburied.has(keyOf(row)));
  if (rows.length > 0) {
    await tx.$executeRawUnsafe(
      `INSERT INTO dead_letters (chat_id, number, uid, body, reason, request_id, accepted_at, created_at)
       VALUES ${tuples(rows.length, 8)}`,
      ...rows.flatMap(({ chatId, number, uid, body, reason, requestId, createdAt }) => [
        ...[chatId, number, uid, Buffer.from(body), reason, requestId?.slice(0, 128) ?? null, createdAt, now],
      ]),
    );
  }
  return { buried: refused.filter((row) => !taken.has(keyOf(row))), conflicts };
}

function hex(id: Uint8Array): string {
  return Buffer.from(id).toString("hex");
}
