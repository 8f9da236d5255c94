import type { Database } from "./client.ts";

/** A stored count that differs from COUNT(*). */
export interface CountDifference {
  readonly kind: "chats_count" | "messages_count";
  readonly token: string;
  /** The number of the chat. Only set for `messages_count`. */
  readonly chat?: number;
  readonly counted: number;
  readonly actual: number;
}

const rowsAtOnce = 1_000;
const hourMs = 3_600_000;

/**
 * Deletes the ids of batches that were stored more than `ageMs` ago, 1,000 per transaction. Uses MySQL's clock, which
 * also set the times. Returns how many it deleted.
 */
export function pruneStoredBatches({ prisma }: Database, ageMs: number): Promise<number> {
  return inChunks(
    () => prisma.$executeRaw`
      DELETE FROM stored_batches WHERE stored_at < UTC_TIMESTAMP(3) - INTERVAL ${ageMs * 1000} MICROSECOND
       ORDER BY stored_at LIMIT ${rowsAtOnce}`,
  );
}

/**
 * Deletes idempotency keys that are older than `olderThanHours`, 1,000 per transaction, and returns how many it
 * deleted.
 */
export function pruneIdempotencyKeys({ prisma }: Database, olderThanHours: number): Promise<number> {
  const before = new Date(Date.now() - olderThanHours * hourMs);
  return inChunks(
    () =>
      prisma.$executeRaw`DELETE FROM idempotency_keys WHERE created_at < ${before} ORDER BY created_at LIMIT ${rowsAtOnce}`,
  );
}

/**
 * Deletes the idempotency keys of messages whose embedded time is more than `ageMs` ago, 5,000 per transaction, and
 * returns how many it deleted. Such keys are at the beginning of the table.
 */
export function pruneMessageKeys({ prisma }: Database, ageMs: number): Promise<number> {
  const before = Buffer.alloc(6);
  before.writeUIntBE(Math.max(0, Date.now() - ageMs), 0, 6);
  const rows = 5 * rowsAtOnce;
  return inChunks(
    () => prisma.$executeRaw`DELETE FROM message_keys WHERE id < ${before} ORDER BY id LIMIT ${rows}`,
    rows,
  );
}

async function inChunks(remove: () => Promise<number>, chunk = rowsAtOnce): Promise<number> {
  let total = 0;
  for (;;) {
    const removed = await remove();
    total += removed;
    if (removed < chunk) return total;
  }
}

/**
 * Compares every count with COUNT(*), yields each difference, and returns the number of compared counts. Each chunk is
 * one statement, so the result is correct even under load. Deleted messages are not counted.
 */
export async function* verifyCounts(
  { prisma }: Database,
  chunk = 200,
): AsyncGenerator<CountDifference, Record<CountDifference["kind"], number>, undefined> {
  const checked = { chats_count: 0, messages_count: 0 };
  let after = 0n;
  for (;;) {
    const rows = await prisma.$queryRaw<CountRow[]>`
      SELECT a.id, a.token, NULL AS chat, a.chats_count AS counted,
             (SELECT COUNT(*) FROM chats c WHERE c.application_id = a.id) AS actual
        FROM applications a WHERE a.id > ${after} ORDER BY a.id LIMIT ${chunk}`;
    yield* differences("chats_count", rows);
    checked.chats_count += rows.length;
    after = rows.at(-1)?.id ?? 0n;
    if (rows.length < chunk) break;
  }
  after = 0n;
  for (;;) {
    const rows = await prisma.$queryRaw<CountRow[]>`
      SELECT c.id, a.token, c.number AS chat, c.messages_count AS counted,
             (SELECT COUNT(*) FROM messages m WHERE m.chat_id = c.id AND m.deleted_at IS NULL) AS actual
        FROM chats c JOIN applications a ON a.id = c.application_id
       WHERE c.id > ${after} ORDER BY c.id LIMIT ${chunk}`;
    yield* differences("messages_count", rows);
    checked.messages_count += rows.length;
    after = rows.at(-1)?.id ?? 0n;
    if (rows.length < chunk) return checked;
  }
}

/** Maximum number of messages in a chat that a sample counts. */
const maxCounted = 10_000;

/**
 * Compares a few counts with COUNT(*), beginning at a random id. Leaves chats of more than 10,000 messages to
 * `verifyCounts`. Returns the number of compared counts of each kind, and the differences.
 */
export async function sampleCounts({ prisma }: Database, size = 20) {
  const [last] = await prisma.$queryRaw<{ application: bigint | null; chat: bigint | null }[]>`
    SELECT (SELECT MAX(id) FROM applications) AS application, (SELECT MAX(id) FROM chats) AS chat`;
  const applications = await prisma.$queryRaw<CountRow[]>`
    SELECT a.id, a.token, NULL AS chat, a.chats_count AS counted,
           (SELECT COUNT(*) FROM chats c WHERE c.application_id = a.id) AS actual
      FROM applications a
     WHERE a.id >= ${randomIdUpTo(last?.application)} AND a.chats_count <= ${maxCounted} ORDER BY a.id LIMIT ${size}`;
  const chats = await prisma.$queryRaw<CountRow[]>`
    SELECT c.id, a.token, c.number AS chat, c.messages_count AS counted,
           (SELECT COUNT(*) FROM messages m WHERE m.chat_id = c.id AND m.deleted_at IS NULL) AS actual
      FROM chats c JOIN applications a ON a.id = c.application_id
     WHERE c.id >= ${randomIdUpTo(last?.chat)} AND c.messages_count <= ${maxCounted} ORDER BY c.id LIMIT ${size}`;
  return {
    checked: { chats_count: applications.length, messages_count: chats.length },
    differences: [...differences("chats_count", applications), ...differences("messages_count", chats)],
  };
}

function randomIdUpTo(last: bigint | null | undefined): bigint {
  return BigInt(Math.floor(Math.random() * Number(last ?? 0n)) + 1);
}

interface CountRow {
  readonly id: bigint;
  readonly token: string;
  readonly chat: number | null;
  readonly counted: number;
  readonly actual: bigint;
}

function* differences(kind: CountDifference["kind"], rows: readonly CountRow[]): Generator<CountDifference> {
  for (const { token, chat, counted, actual } of rows) {
    if (Number(actual) === counted) continue;
    yield { kind, token, ...(chat === null ? {} : { chat }), counted, actual: Number(actual) };
  }
}
