import { sqlTime } from "./sql-literals.ts";
import type { NewMessage } from "./message-rows.ts";
import type { Statements } from "./session.ts";

/**
 * Moves the read horizons of senders forward to their messages that were just stored (sorted by key), because a sender
 * has read the chat. Call it in the same transaction, after `addToChats`, whose locks order the writers.
 */
export async function advanceSenders(tx: Statements, stored: readonly NewMessage[], now: Date): Promise<void> {
  const latest = new Map<string, NewMessage>();
  for (const message of stored) {
    const { chatId, sender } = message;
    if (sender !== undefined && sender !== null) latest.set(`${chatId} ${sender}`, message);
  }
  if (latest.size === 0) return;
  // Reads the sender from the stored row, where it is exact to the byte. The number is valid in the latest numbering,
  // whichever numbering assigned it. However, a horizon from an earlier numbering refers to lost messages if it is not
  // below the beginning of the latest one. The horizon gets the message's epoch, so that the erasure of a sender, which
  // deletes late messages, also deletes the horizons that these messages moved. Each assignment already sees the values
  // that earlier ones have set.
  await tx.$executeRawUnsafe(
    `INSERT INTO \`reads\` (chat_id, reader, number, numbering, updated_at, epoch)
     SELECT m.chat_id, m.sender, m.number, c.last_numbering, '${sqlTime(now)}', COALESCE(m.epoch, 0)
       FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[0]', number INT PATH '$[1]')) AS k
       STRAIGHT_JOIN messages AS m FORCE INDEX (PRIMARY) ON m.chat_id = k.id AND m.number = k.number
       STRAIGHT_JOIN chats AS c FORCE INDEX (PRIMARY) ON c.id = k.id
       LEFT JOIN chat_numberings AS n ON n.chat_id = c.id AND n.numbering = c.last_numbering
         ON DUPLICATE KEY UPDATE
            number = IF(\`reads\`.numbering < VALUES(numbering) AND \`reads\`.number >= n.from_number,
                        n.from_number - 1, \`reads\`.number),
            updated_at = IF(VALUES(number) > \`reads\`.number, VALUES(updated_at), \`reads\`.updated_at),
            number = GREATEST(\`reads\`.number, VALUES(number)),
            numbering = GREATEST(\`reads\`.numbering, VALUES(numbering)),
            epoch = GREATEST(\`reads\`.epoch, VALUES(epoch))`,
    `[${Array.from(latest.values(), ({ chatId, number }) => `[${chatId},${number}]`).join(",")}]`,
  );
}
