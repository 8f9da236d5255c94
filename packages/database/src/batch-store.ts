import { deadLetterMessages, type DeadLetteredMessage } from "./dead-letter-messages.ts";
import { isDuplicateKey } from "./errors.ts";
import { addToCounts, addToOutbox, byKey, compareWithStored, insertMessages } from "./message-rows.ts";
import { checkOwners, type AddressedMessage } from "./owners.ts";
import { RetryTransaction, list, transaction, tuples } from "./transaction.ts";
import type { Database, Queryable } from "./client.ts";

/** What one job stands for; its id (16 bytes) makes a second delivery harmless. */
export interface NewBatch<M extends AddressedMessage = AddressedMessage> {
  readonly id: Uint8Array;
  readonly messages: readonly M[];
}

export interface StoreResult<M> {
  /** Messages that became rows now. */
  readonly stored: number;
  /** Batches that had been stored before. */
  readonly knownBatches: number;
  /** Messages whose place another message holds: not stored, to be given a new number. */
  readonly conflicts: M[];
  /** Messages that the database refuses, whose chat it does not have, or that are damaged: kept as dead letters. */
  readonly refused: DeadLetteredMessage<M>[];
}

const TIMEOUT_MS = 30_000;
const DAMAGED = "Redis returned it damaged: its checksum does not match";

export type BatchStore = ReturnType<typeof createBatchStore>;

/** Stores accepted messages exactly once. */
export function createBatchStore(database: Database) {
  return {
    /**
     * One transaction for all batches: their ids, rows, dead letters, search outbox and counts. Throws what is not about
     * a row; after a throw the outcome may be unknown, and the same call again settles it.
     */
    store: <M extends AddressedMessage>(batches: readonly NewBatch<M>[]): Promise<StoreResult<M>> =>
      transaction(database, (tx) => store(tx, batches), { timeoutMs: TIMEOUT_MS }),
  };
}

async function store<M extends AddressedMessage>(
  tx: Queryable,
  batches: readonly NewBatch<M>[],
): Promise<StoreResult<M>> {
  const now = new Date();
  const unique = [...new Map(batches.map((batch) => [hex(batch.id), batch])).values()];
  const { fresh, delivered } = await recordBatches(tx, unique, now);
  const { placed, misplaced, unknown } = await checkOwners(
    tx,
    unique.flatMap((batch) => batch.messages),
  );
  const before = new Set(delivered.flatMap((batch) => batch.messages));
  const again = await settleAgain(
    tx,
    placed.filter((message) => before.has(message)),
  );
  const { rows, clashes } = withoutClashes(
    [...placed.filter((message) => !before.has(message)), ...again.missing].sort(byKey),
  );
  const { stored, conflicts, refused } = await insertMessages(
    tx,
    rows.filter(({ damaged }) => damaged !== true),
  );
  const damaged = rows.filter((row) => row.damaged === true).map((row) => ({ ...row, reason: DAMAGED }));
  const dead = await deadLetterMessages(tx, { refused: [...refused, ...damaged], unknown }, now);
  stored.sort(byKey);
  await addToOutbox(tx, stored, now);
  // Last, because every writer of a chat waits for the lock on its count.
  await addToCounts(tx, stored);
  return {
    stored: stored.length,
    knownBatches: batches.length - fresh.length,
    conflicts: [...again.conflicts, ...misplaced, ...clashes, ...conflicts, ...dead.conflicts],
    refused: dead.deadLettered,
  };
}

/** Takes the ids that are new, in id order. An id that appears meanwhile is a concurrent delivery: start again. */
async function recordBatches<M extends AddressedMessage>(tx: Queryable, batches: NewBatch<M>[], now: Date) {
  if (batches.length === 0) return { fresh: [], delivered: [] };
  const known = await tx.$queryRawUnsafe<{ id: Uint8Array }[]>(
    `SELECT id FROM stored_batches WHERE id IN (${list(batches)})`,
    ...batches.map((batch) => batch.id),
  );
  const taken = new Set(known.map((row) => hex(row.id)));
  const fresh = batches.filter((batch) => !taken.has(hex(batch.id)));
  const delivered = batches.filter((batch) => taken.has(hex(batch.id)));
  if (fresh.length > 0) {
    const ids = fresh.map((batch) => batch.id).sort((a, b) => Buffer.compare(a, b));
    try {
      await tx.$executeRawUnsafe(
        `INSERT INTO stored_batches (id, stored_at) VALUES ${tuples(ids.length, 2)}`,
        ...ids.flatMap((id) => [id, now]),
      );
    } catch (error) {
      throw isDuplicateKey(error) ? new RetryTransaction("batch delivered twice at once", { cause: error }) : error;
    }
  }
  return { fresh, delivered };
}

/**
 * What is left to do for messages of batches that were stored before. A delivery whose answer was lost may have met conflicts: what
 * still holds another's number is reported again. A message that is nowhere is stored now. One that is stored under another
 * number is done: a late resend of its batch was numbered a second time.
 */
async function settleAgain<M extends AddressedMessage>(tx: Queryable, messages: readonly M[]) {
  const rows = await compareWithStored(tx, "messages", messages);
  const letters = await compareWithStored(tx, "dead_letters", rows.fresh);
  const stored = await storedUids(tx, letters.fresh);
  return {
    conflicts: [...rows.conflicts, ...letters.conflicts],
    missing: letters.fresh.filter(({ uid }) => !stored.has(hex(uid))),
  };
}

/** Those uids that the messages' chats hold under any number: reads the chats as a whole, which is rarely asked for. */
async function storedUids(tx: Queryable, messages: readonly AddressedMessage[]): Promise<Set<string>> {
  if (messages.length === 0) return new Set();
  const chatIds = [...new Set(messages.map(({ chatId }) => chatId))];
  const uids = messages.map(({ uid }) => uid);
  const found = await tx.$queryRawUnsafe<{ uid: Uint8Array }[]>(
    `SELECT uid FROM messages WHERE chat_id IN (${list(chatIds)}) AND uid IN (${list(uids)})
     UNION ALL SELECT uid FROM dead_letters WHERE uid IN (${list(uids)})`,
    ...[...chatIds, ...uids, ...uids],
  );
  return new Set(found.map(({ uid }) => hex(uid)));
}

/** Of messages that share a number in one call, the first stays; another one clashes, the same one again is dropped. */
function withoutClashes<M extends AddressedMessage>(sorted: readonly M[]): { rows: M[]; clashes: M[] } {
  const rows: M[] = [];
  const clashes: M[] = [];
  for (const message of sorted) {
    const last = rows.at(-1);
    if (last?.number !== message.number || last.chatId !== message.chatId) rows.push(message);
    else if (Buffer.compare(last.uid, message.uid) !== 0) clashes.push(message);
  }
  return { rows, clashes };
}

function hex(id: Uint8Array): string {
  return Buffer.from(id).toString("hex");
}
