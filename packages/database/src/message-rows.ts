import { contentBytes, contentFields, type JsonText, type MessageContent } from "@confab/contracts";
import { chunksOf } from "@confab/async";
import { isDuplicateKey, isRefusal, reasonOf } from "./errors.ts";
import { sqlBytes, sqlText, sqlTime } from "./sql-literals.ts";
import { RetryTransaction, placeholders } from "./transaction.ts";
import type { Statements } from "./session.ts";

/** The idempotency key of a message, if it carries a time. */
export interface MessageKey {
  /** 15 bytes: the time, and a digest of the key, its chat and its user. */
  readonly id: Uint8Array;
  /** The beginning of the request's hash, 9 bytes. */
  readonly request: Uint8Array;
}

/** An accepted message that is not stored yet. */
export interface NewMessage extends MessageContent {
  readonly chatId: bigint;
  readonly number: number;
  /** 16 bytes that distinguish a repeated delivery from a different message with the same number. */
  readonly uid: Uint8Array;
  readonly createdAt: Date;
  /** The epoch of the application in which it was accepted; absent in the first one. */
  readonly epoch?: number | undefined;
  readonly requestId?: string | undefined;
  /** The idempotency key to store with it. */
  readonly key?: MessageKey | undefined;
  /** The body in UTF-8, if the caller has it. */
  readonly bodyBytes?: Uint8Array | undefined;
}

/** A message that the database refuses. */
export type Refused<M> = M & {
  /** The server's own error message. */
  readonly reason: string;
};

/** The rows by outcome, in their order: stored now, in conflict with another message that has the number, or refused. */
export interface RowOutcomes<M> {
  readonly stored: M[];
  readonly conflicts: M[];
  readonly refused: Refused<M>[];
}

const MAX_ROWS = 1_000;
/** The smallest max_allowed_packet that Confab supports. */
export const MIN_PACKET_BYTES = 4 * 1024 * 1024;
// Hexadecimal doubles the size of a text, and a statement still stays below that packet size.
const MAX_BYTES = 1024 * 1024;

/**
 * Stores rows (sorted by key, each key once) in multi-row statements. Skips rows that exist with the same uid. Finds
 * refused rows by bisection, so that exactly those are left out. Throws every other error.
 */
export async function insertMessages<M extends NewMessage>(
  tx: Statements,
  rows: readonly M[],
): Promise<RowOutcomes<M>> {
  const outcomes: RowOutcomes<M> = { stored: [], conflicts: [], refused: [] };
  const limits = { maxItems: MAX_ROWS, maxSize: MAX_BYTES, sizeOf: bytesOf };
  for (const chunk of chunksOf(rows, limits)) await insertChunk(tx, chunk, outcomes);
  return outcomes;
}

function bytesOf(message: NewMessage): number {
  return contentBytes(message, message.bodyBytes?.length);
}

async function insertChunk<M extends NewMessage>(
  tx: Statements,
  rows: readonly M[],
  outcomes: RowOutcomes<M>,
): Promise<void> {
  if (rows.length === 0) return;
  try {
    const fields = usedFields(rows);
    const columns = rows.some(({ epoch }) => epoch !== undefined) ? [...fields, "epoch"] : fields;
    await tx.$executeRawUnsafe(
      `INSERT INTO messages (chat_id, number, uid, ${columns.join(", ")}, created_at, updated_at) VALUES ${literalsOf(rows, fields, columns.length > fields.length).join(", ")}`,
    );
    outcomes.stored.push(...rows);
  } catch (error) {
    if (isDuplicateKey(error)) {
      const { fresh, conflicts } = await compareWithStored(tx, "messages", rows);
      if (fresh.length === rows.length) throw error;
      outcomes.conflicts.push(...conflicts);
      await insertChunk(tx, fresh, outcomes);
      return;
    }
    if (!isRefusal(error)) throw error;
    const [first] = rows;
    if (first && rows.length === 1) {
      outcomes.refused.push({ ...first, reason: reasonOf(error) });
      return;
    }
    const middle = rows.length >> 1;
    await insertChunk(tx, rows.slice(0, middle), outcomes);
    await insertChunk(tx, rows.slice(middle), outcomes);
  }
}

type ContentField = (typeof contentFields)[number];

/** The fields that at least one of the rows has. Most messages have a body alone, and the server is faster without columns of NULLs. */
function usedFields(rows: readonly NewMessage[]): ContentField[] {
  return contentFields.filter((field) => rows.some((row) => (row[field] ?? undefined) !== undefined));
}

/** Rows (sorted by chat) as SQL literals: Prisma needed four times as long to pass the arguments of a row. */
function literalsOf(rows: readonly NewMessage[], fields: readonly ContentField[], hasEpochs: boolean): string[] {
  const timeText = createTimeTexts();
  let chatId: bigint | undefined;
  let chat = "";
  return rows.map((message) => {
    if (message.chatId !== chatId) [chatId, chat] = [message.chatId, message.chatId.toString()];
    let content = "";
    for (const field of fields)
      content += `, ${field === "body" ? bodyLiteral(message) : contentLiteral(message[field])}`;
    if (hasEpochs) content += `, ${message.epoch ?? "NULL"}`;
    const at = timeText(message.createdAt.getTime());
    return `(${chat}, ${message.number}, ${sqlBytes(message.uid)}${content}, '${at}', '${at}')`;
  });
}

/** Writes times in milliseconds. The messages of a batch have the same time, and writing it again costs only a look-up. */
function createTimeTexts(): (ms: number) => string {
  const texts = new Map<number, string>();
  return (ms) => {
    let text = texts.get(ms);
    if (text === undefined) texts.set(ms, (text = sqlTime(new Date(ms))));
    return text;
  };
}

/** A text beyond ASCII is written in hexadecimal: otherwise V8 would use two bytes for each character of the whole statement. */
function bodyLiteral({ body, bodyBytes }: NewMessage): string {
  return bodyBytes === undefined || bodyBytes.length === body.length
    ? sqlText(body)
    : `_utf8mb4 ${sqlBytes(bodyBytes)}`;
}

function contentLiteral(value: string | number | JsonText | null | undefined): string {
  if (value === null || value === undefined) return "NULL";
  if (typeof value === "number") return String(value);
  return sqlText(typeof value === "string" ? value : value.text);
}

/**
 * Returns the rows whose key is free, those whose key belongs to another message (a different uid), and those that are stored under
 * their key and deleted.
 */
export async function compareWithStored<M extends NewMessage>(
  tx: Statements,
  table: "messages" | "dead_letters",
  rows: readonly M[],
): Promise<{ fresh: M[]; conflicts: M[]; deleted: M[] }> {
  if (rows.length === 0) return { fresh: [], conflicts: [], deleted: [] };
  const numbers = groupByChat(rows);
  const windows = [...numbers].map(([, taken]) => `(chat_id = ? AND number IN (${placeholders(taken)}))`).join(" OR ");
  const existing = await tx.$queryRawUnsafe<
    { chatId: bigint; number: number; uid: Uint8Array; isDeleted: bigint | number }[]
  >(
    `SELECT chat_id AS chatId, number, uid, ${table === "messages" ? "deleted_at IS NOT NULL" : "0"} AS isDeleted FROM ${table} WHERE ${windows}`,
    ...[...numbers].flatMap(([chatId, taken]) => [chatId, ...taken.map((row) => row.number)]),
  );
  const found = new Map(existing.map((row) => [keyOf(row), row]));
  const fresh: M[] = [];
  const conflicts: M[] = [];
  const deleted: M[] = [];
  for (const row of rows) {
    const other = found.get(keyOf(row));
    if (!other) fresh.push(row);
    else if (Buffer.compare(other.uid, row.uid) !== 0) conflicts.push(row);
    else if (Number(other.isDeleted) !== 0) deleted.push(row);
  }
  return { fresh, conflicts, deleted };
}

/**
 * Updates the counts and last messages of all chats, and from where on retention looks at them, in one statement that locks them in
 * id order, so that writers cannot deadlock. Throws `RetryTransaction` if one of the chats no longer exists.
 */
export async function addToChats(tx: Statements, stored: readonly NewMessage[]): Promise<void> {
  if (stored.length === 0) return;
  const chats = [...groupByChat(stored)].sort(([a], [b]) => ascending(a, b));
  const timeText = createTimeTexts();
  const changes = chats.map(([id, rows]) => {
    const numbers = rows.map(({ number }) => number);
    const times = rows.map(({ createdAt }) => createdAt.getTime());
    const [newest, oldest] = [timeText(Math.max(...times)), timeText(Math.min(...times))];
    const sum = numbers.reduce((total, number) => total + number, 0);
    return [id.toString(), rows.length, Math.max(...numbers), newest, Math.min(...numbers), oldest, sum];
  });
  // A join with a list finds each chat by its key. STRAIGHT_JOIN reads the list first, in its order.
  // A scan, which the server prefers in a small table, would also lock the chats of others.
  const changed = await tx.$executeRawUnsafe(
    `UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
             id BIGINT PATH '$[0]', messages INT PATH '$[1]', last INT PATH '$[2]', at DATETIME(3) PATH '$[3]',
             first INT PATH '$[4]', oldest DATETIME(3) PATH '$[5]', numbers BIGINT PATH '$[6]')) AS k
      STRAIGHT_JOIN chats AS c FORCE INDEX (PRIMARY) ON c.id = k.id
       SET c.messages_count = c.messages_count + k.messages,
           c.numbers_sum = c.numbers_sum + k.numbers,
           c.last_message_number = GREATEST(c.last_message_number, k.last),
           c.last_message_at = GREATEST(COALESCE(c.last_message_at, k.at), k.at),
           c.retained_from = LEAST(c.retained_from, k.first),
           c.retained_from_at = LEAST(COALESCE(c.retained_from_at, k.oldest), k.oldest)`,
    JSON.stringify(changes),
  );
  if (changed !== chats.length) throw new RetryTransaction("a chat was deleted during the transaction");
}

/**
 * Maximum bytes of the messages in one outbox row, unless a single message is larger. The indexer reads a row at once.
 */
const RANGE_BYTES = 1024 * 1024;

/** Adds stored rows (sorted by key) to the search outbox, one outbox row per continuous range of at most 1 MiB. */
export async function addToOutbox(tx: Statements, stored: readonly NewMessage[], now: Date): Promise<void> {
  const sized = stored.map((message) => {
    const { chatId, number } = message;
    return { chatId, number, bytes: bytesOf(message) };
  });
  await addRanges(tx, sized, now);
}

/** Does the same for messages (sorted by key) of which only the bytes of the contents are known. */
export async function addRanges(
  tx: Statements,
  messages: readonly { chatId: bigint; number: number; bytes: number }[],
  now: Date,
): Promise<void> {
  const ranges: { chatId: bigint; from: number; to: number; bytes: number }[] = [];
  for (const { chatId, number, bytes } of messages) {
    const last = ranges.at(-1);
    if (last?.chatId === chatId && last.to + 1 === number && last.bytes + bytes <= RANGE_BYTES) {
      last.to = number;
      last.bytes += bytes;
    } else ranges.push({ chatId, from: number, to: number, bytes });
  }
  if (ranges.length === 0) return;
  const at = sqlTime(now);
  const rows = ranges.map(({ chatId, from, to, bytes }) => `(${chatId.toString()}, ${from}, ${to}, ${bytes}, '${at}')`);
  await tx.$executeRawUnsafe(
    `INSERT INTO search_outbox (chat_id, from_number, to_number, bytes, created_at) VALUES ${rows.join(", ")}`,
  );
}

/** `chat:number`, unique per message. */
export function keyOf({ chatId, number }: { chatId: bigint; number: number }): string {
  return `${chatId.toString()}:${number}`;
}

/** Sorts by key, which is also the lock order. Rows with the same key keep their order. */
export function sortByKey<M extends NewMessage>(rows: readonly M[]): M[] {
  // Comparing numbers costs far less than comparing a bigint for each pair of rows.
  const chats = [...groupByChat(rows)].sort(([a], [b]) => ascending(a, b));
  return chats.flatMap(([, own]) => own.sort((a, b) => a.number - b.number));
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function groupByChat<M extends NewMessage>(rows: readonly M[]): Map<bigint, M[]> {
  return Map.groupBy(rows, (row) => row.chatId);
}
