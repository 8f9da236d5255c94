import { findOriginals, type Original } from "./message-keys.ts";
import { compareWithStored } from "./message-rows.ts";
import { placeholders } from "./transaction.ts";
import type { AddressedMessage } from "./owners.ts";
import type { Statements } from "./session.ts";

/** Messages from batches that were stored before, grouped by how to treat them. */
export interface SettledAgain<M> {
  readonly conflicts: M[];
  readonly missing: M[];
  /** Messages that are stored under another number, each with the stored one. */
  readonly repeated: Map<M, Original>;
}

/**
 * Decides how to treat messages of batches that were stored before. The answer to the first delivery may have been
 * lost, together with its conflicts and repetitions. Messages whose number is still taken, and repetitions, are
 * therefore reported again. A message that is not stored anywhere is stored now. A message that is stored under another
 * number, because a late resend of its batch was numbered a second time, counts as a repetition.
 */
export async function settleAgain<M extends AddressedMessage>(
  tx: Statements,
  messages: readonly M[],
): Promise<SettledAgain<M>> {
  const rows = await compareWithStored(tx, "messages", messages);
  const letters = await compareWithStored(tx, "dead_letters", rows.fresh);
  // A tombstone under a message's own number may be all that an earlier delivery has left of a repetition.
  const repeated = await findElsewhere(tx, [...letters.fresh, ...rows.deleted]);
  const others = rows.deleted.filter((message) => !repeated.has(message));
  for (const [message, original] of await findOriginals(tx, others)) repeated.set(message, original);
  return {
    conflicts: [...rows.conflicts, ...letters.conflicts],
    missing: letters.fresh.filter((message) => !repeated.has(message)),
    repeated,
  };
}

/** Finds the messages that are stored under a number other than their own. Reads whole chats, but is rarely needed. */
async function findElsewhere<M extends AddressedMessage>(
  tx: Statements,
  messages: readonly M[],
): Promise<Map<M, Original>> {
  if (messages.length === 0) return new Map();
  const chatIds = [...new Set(messages.map(({ chatId }) => chatId))];
  const uids = messages.map(({ uid }) => uid);
  const found = await tx.$queryRawUnsafe<{ uid: Uint8Array; number: number; isLive: bigint | number }[]>(
    `SELECT uid, number, deleted_at IS NULL AS isLive FROM messages
      WHERE chat_id IN (${placeholders(chatIds)}) AND uid IN (${placeholders(uids)})
     UNION ALL SELECT uid, number, 1 FROM dead_letters WHERE uid IN (${placeholders(uids)})
      ORDER BY isLive DESC, number`,
    ...chatIds,
    ...uids,
    ...uids,
  );
  const elsewhere = new Map<M, Original>();
  for (const message of messages) {
    const row = found.find(({ uid, number }) => number !== message.number && Buffer.compare(uid, message.uid) === 0);
    if (row) elsewhere.set(message, { number: row.number, uid: message.uid });
  }
  return elsewhere;
}
