import { bytesOf, type NewMessage } from "./message-rows.ts";
import { sqlTime } from "./sql-literals.ts";
import type { Statements } from "./session.ts";

/**
 * Maximum number of bytes that the messages in one outbox row have, unless a single message is larger. The indexer
 * reads all messages of a row at once.
 */
const rangeBytes = 1024 * 1024;

/** Adds stored rows (sorted by key) to the search outbox, with one outbox row per gapless range of at most 1 MiB. */
export async function addToOutbox(tx: Statements, stored: readonly NewMessage[], now: Date): Promise<void> {
  const sized = stored.map((message) => {
    const { chatId, number } = message;
    return { chatId, number, bytes: bytesOf(message) };
  });
  await addRanges(tx, sized, now);
}

/** Like `addToOutbox`, but takes only the keys and the content sizes of messages (sorted by key). */
export async function addRanges(
  tx: Statements,
  messages: readonly { chatId: bigint; number: number; bytes: number }[],
  now: Date,
): Promise<void> {
  const ranges: { chatId: bigint; from: number; to: number; bytes: number }[] = [];
  for (const { chatId, number, bytes } of messages) {
    const last = ranges.at(-1);
    if (last?.chatId === chatId && last.to + 1 === number && last.bytes + bytes <= rangeBytes) {
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
