import { encodeOtherFields } from "@confab/contracts";
import { compareWithStored, keyOf, type Refused } from "./message-rows.ts";
import { placeholderRows, placeholders } from "./transaction.ts";
import type { Statements } from "./session.ts";
import type { AddressedMessage } from "./owners.ts";

export type DeadLetteredMessage<M> = Refused<M> & {
  /** True if the chat is not in the database. In this case its chat head in Redis must not be trusted. */
  readonly chatUnknown: boolean;
};

const lostChat = "The chat is no longer in the database. Was the database restored, or did it lose data in a failover?";

/** The reason by which queries recognize damaged dead letters. */
export const damagedReason = "Redis returned a damaged message: its checksum does not match";

/**
 * Stores messages as dead letters if the database refused them or does not have their chat. Reports messages whose
 * number belongs to another dead letter as conflicts. A message that is already a dead letter is reported again, but
 * stored only once.
 */
export async function deadLetterMessages<M extends AddressedMessage>(
  tx: Statements,
  { refused, unknown }: { refused: readonly Refused<M>[]; unknown: readonly M[] },
  now: Date,
): Promise<{ deadLettered: DeadLetteredMessage<M>[]; conflicts: M[] }> {
  if (refused.length === 0 && unknown.length === 0) return { deadLettered: [], conflicts: [] };
  const { conflicts } = await compareWithStored(tx, "dead_letters", refused);
  const taken = new Set(conflicts.map(keyOf));
  const deadLettered = [
    ...refused.filter((row) => !taken.has(keyOf(row))).map((row) => ({ ...row, chatUnknown: false })),
    ...unknown.map((row) => ({ ...row, reason: row.damaged ? damagedReason : lostChat, chatUnknown: true })),
  ];
  if (deadLettered.length === 0) return { deadLettered, conflicts };
  const known = await tx.$queryRawUnsafe<{ uid: Uint8Array }[]>(
    `SELECT uid FROM dead_letters WHERE uid IN (${placeholders(deadLettered)})`,
    ...deadLettered.map(({ uid }) => uid),
  );
  const kept = new Set(known.map(({ uid }) => Buffer.from(uid).toString("hex")));
  const rows = deadLettered.filter(({ uid }) => !kept.has(Buffer.from(uid).toString("hex")));
  if (rows.length > 0) {
    await tx.$executeRawUnsafe(
      `INSERT INTO dead_letters (application_token, chat_number, chat_id, number, uid, body, other_fields, reason, request_id, epoch, accepted_at, created_at)
       VALUES ${placeholderRows(rows.length, 12)}`,
      ...rows.flatMap((row) => [
        row.token,
        row.chat,
        row.chatUnknown ? null : row.chatId,
        row.number,
        row.uid,
        Buffer.from(row.body),
        encodeOtherFields(row) || null,
        row.reason,
        row.requestId?.slice(0, 128) ?? null,
        row.epoch ?? null,
        row.createdAt,
        now,
      ]),
    );
  }
  return { deadLettered, conflicts };
}
