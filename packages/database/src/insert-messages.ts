import { contentFields, type JsonText } from "@confab/contracts";
import { chunksOf } from "@confab/async";
import { isDuplicateKey, isRefusal, reasonOf } from "./errors.ts";
import { bytesOf, compareWithStored, type NewMessage, type Refused } from "./message-rows.ts";
import { createTimeTexts, sqlBytes, sqlText } from "./sql-literals.ts";
import type { Statements } from "./session.ts";

/**
 * The rows by outcome, each list in the original order: stored now, in conflict with another message that has the
 * number, or refused.
 */
export interface RowOutcomes<M> {
  readonly stored: M[];
  readonly conflicts: M[];
  readonly refused: Refused<M>[];
}

const maxRows = 1_000;
/** The minimum `max_allowed_packet` that Confab supports, in bytes. */
export const minPacketBytes = 4 * 1024 * 1024;
// Maximum size of the contents in one statement. Hexadecimal doubles the size of a text, but the statement still stays
// below the minimum packet size.
const maxBytes = 1024 * 1024;

/**
 * Stores rows (sorted by key, each key once) in multi-row statements. Skips rows that are already stored with the same
 * uid. Finds refused rows by bisection, so that only they are left out. Throws every error that is not a refusal.
 */
export async function insertMessages<M extends NewMessage>(
  tx: Statements,
  rows: readonly M[],
): Promise<RowOutcomes<M>> {
  const outcomes: RowOutcomes<M> = { stored: [], conflicts: [], refused: [] };
  const open: M[][] = [...chunksOf(rows, { maxItems: maxRows, maxSize: maxBytes, sizeOf: bytesOf })];
  for (let chunk = open.shift(); chunk !== undefined; chunk = open.shift()) {
    if (chunk.length === 0) continue;
    try {
      await tx.$executeRawUnsafe(statementOf(chunk));
      outcomes.stored.push(...chunk);
    } catch (error) {
      if (isDuplicateKey(error)) {
        const { fresh, conflicts } = await compareWithStored(tx, "messages", chunk);
        if (fresh.length === chunk.length) throw error;
        outcomes.conflicts.push(...conflicts);
        open.unshift(fresh);
      } else if (!isRefusal(error)) throw error;
      else if (chunk.length === 1) outcomes.refused.push({ ...chunk[0]!, reason: reasonOf(error) });
      else {
        const middle = chunk.length >> 1;
        open.unshift(chunk.slice(0, middle), chunk.slice(middle));
      }
    }
  }
  return outcomes;
}

function statementOf(rows: readonly NewMessage[]): string {
  const fields = usedFields(rows);
  const hasEpochs = rows.some(({ epoch }) => epoch !== undefined);
  const columns = hasEpochs ? [...fields, "epoch"] : fields;
  return `INSERT INTO messages (chat_id, number, uid, ${columns.join(", ")}, created_at, updated_at) VALUES ${literalsOf(rows, fields, hasEpochs).join(", ")}`;
}

type ContentField = (typeof contentFields)[number];

/**
 * Returns the content fields that at least one of the rows has. Most messages only have a body, and the server is
 * faster without columns of NULLs.
 */
function usedFields(rows: readonly NewMessage[]): ContentField[] {
  return contentFields.filter((field) => rows.some((row) => (row[field] ?? undefined) !== undefined));
}

/** Returns rows (sorted by chat) as SQL literals, because Prisma needs four times as long to pass arguments. */
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

/**
 * Returns the SQL literal of a body, in hexadecimal if it is not pure ASCII. Otherwise V8 could use two bytes per
 * character for the whole statement.
 */
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
