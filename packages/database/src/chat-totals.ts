import { ascending, groupByChat, type NewMessage } from "./message-rows.ts";
import { createTimeTexts } from "./sql-literals.ts";
import { RetryTransaction } from "./transaction.ts";
import type { Statements } from "./session.ts";

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
