import { connectTo, insertRows, literalOf, rowsPerStatement, timeLiteralOf } from "./rows.ts";
import type { Target } from "./messages.ts";
import type { Stores } from "../world.ts";

const firstMs = Date.UTC(2026, 0, 1);

/**
 * Stores messages directly in MySQL. The chats take turns, so that all of them get equally many messages. The times of
 * consecutive messages are 1 ms apart. Message `at` (from 0) has the text `textOf(at)`.
 */
export async function storeMessages(
  { database: { prisma }, databaseUrl }: Stores,
  { token, chats }: Target,
  count: number,
  textOf: (at: number) => string,
): Promise<void> {
  const found = await prisma.chat.findMany({ where: { application: { token } }, orderBy: { number: "asc" } });
  const ids = found.map(({ id }) => id.toString());
  const connection = await connectTo(databaseUrl);
  try {
    for (let from = 0; from < count; from += rowsPerStatement) {
      const rows = Array.from({ length: Math.min(rowsPerStatement, count - from) }, (_, offset) => {
        const at = from + offset;
        const time = timeLiteralOf(firstMs + at);
        return { chatId: ids[at % chats]!, number: 1 + Math.floor(at / chats), body: literalOf(textOf(at)), time };
      });
      await insertRows(connection, rows, from);
    }
  } finally {
    await connection.end();
  }
  const last = count / chats;
  const data = {
    messagesCount: last,
    numbersSum: (last * (last + 1)) / 2,
    lastMessageNumber: last,
    lastMessageAt: new Date(firstMs + count - 1),
  };
  await prisma.chat.updateMany({ where: { application: { token } }, data });
}
