import { decodeContent } from "@confab/contracts";
import { damagedReason } from "./dead-letter-messages.ts";
import { addDeletedNumbers, removeDeletedNumber } from "./deleted-numbers.ts";
import { addToChats } from "./chat-totals.ts";
import { insertMessages } from "./insert-messages.ts";
import { compareWithStored } from "./message-rows.ts";
import { addToOutbox } from "./outbox-ranges.ts";
import { noteLate } from "./late-messages.ts";
import { noteChanges } from "./note-changes.ts";
import { advanceSenders } from "./sender-horizons.ts";
import { countTombstones, insertTombstones } from "./tombstones.ts";
import { transaction } from "./transaction.ts";
import type { Database, Queryable } from "./client.ts";
import type { DeadLetter } from "./generated/client.ts";

export type Restoration = { readonly restored: true } | { readonly restored: false; readonly reason: string };

export type DeadLetters = ReturnType<typeof createDeadLetters>;

/** Lets an operator list, restore and remove dead letters. */
export function createDeadLetters(database: Database) {
  const { prisma } = database;
  return {
    /** Lists dead letters, oldest first. `next` is the cursor of the next page, or undefined on the last page. */
    async list({ after, limit }: { after?: bigint | number | undefined; limit: number }) {
      const rows = await prisma.deadLetter.findMany({
        ...(after === undefined ? {} : { where: { id: { gt: after } } }),
        orderBy: { id: "asc" },
        take: limit + 1,
      });
      const items = rows.slice(0, limit);
      return { items, next: rows.length > limit ? items.at(-1)?.id : undefined };
    },

    find: async (id: bigint): Promise<DeadLetter | undefined> =>
      (await prisma.deadLetter.findUnique({ where: { id } })) ?? undefined,

    /** Finds the dead letter that has this number in a chat. */
    findByNumber: async (chatId: bigint, number: number): Promise<DeadLetter | undefined> =>
      (await prisma.deadLetter.findFirst({ where: { chatId, number } })) ?? undefined,

    count: (): Promise<number> => prisma.deadLetter.count(),

    /**
     * Removes the dead letter, and leaves a tombstone with a change number but without a sender. Leaves none if a
     * stored message has the number, or if the chat does not exist. Returns false if there is no such dead letter.
     */
    remove: (id: bigint): Promise<boolean> => transaction(database, (tx) => remove(tx, id)),

    /**
     * Stores the message under its own number, updates the count and the search outbox, and removes the dead letter.
     * The message takes a change number, so that readers who have passed its number receive it. If the message cannot
     * be stored, returns the reason and changes nothing.
     */
    restore: (id: bigint): Promise<Restoration> => transaction(database, (tx) => restore(tx, id)),
  };
}

async function remove(tx: Queryable, id: bigint): Promise<boolean> {
  const letter = await tx.deadLetter.findUnique({ where: { id } });
  if (!letter || (await tx.deadLetter.deleteMany({ where: { id } })).count === 0) return false;
  const { chatId, number } = letter;
  // A message can have the number of a dead letter only if Redis lost data.
  const taken = chatId === null || (await tx.message.findUnique({ where: { chatId_number: { chatId, number } } }));
  if (taken) return true;
  await leaveTombstone(tx, { ...letter, chatId });
  await addDeletedNumbers(tx, chatId, [number]);
  return true;
}

/**
 * Leaves a tombstone, which reports the deletion to readers: they may have received the message while it was pending.
 */
async function leaveTombstone(tx: Queryable, letter: DeadLetter & { chatId: bigint }): Promise<void> {
  const { chatId, number, uid, epoch, acceptedAt } = letter;
  if (!(await tx.chat.findUnique({ where: { id: chatId }, select: { id: true } }))) return;
  const message = { chatId, number, uid, body: "", epoch: epoch ?? undefined, createdAt: acceptedAt };
  const tombstones = await insertTombstones(tx, [message], new Date());
  await noteLate(tx, tombstones);
  await countTombstones(tx, tombstones);
}

async function restore(tx: Queryable, id: bigint): Promise<Restoration> {
  // If two operators restore a letter at once, the second transaction waits here and then finds nothing.
  await tx.$queryRaw`SELECT id FROM dead_letters WHERE id = ${id} FOR UPDATE`;
  const letter = await tx.deadLetter.findUnique({ where: { id } });
  if (!letter) return { restored: false, reason: "There is no such dead letter" };
  if (letter.reason === damagedReason)
    return { restored: false, reason: "Redis damaged it: nobody knows what the message was" };
  const { chatId, number, uid, otherFields, epoch, acceptedAt } = letter;
  if (chatId === null || !(await tx.chat.findUnique({ where: { id: chatId }, select: { id: true } }))) {
    return { restored: false, reason: "Its chat no longer exists" };
  }
  const { content, unknownFields } = decodeContent(Buffer.from(letter.body).toString(), otherFields);
  if (unknownFields.length > 0)
    return {
      restored: false,
      reason: `A newer version of Confab accepted it, with ${unknownFields.join(", ")}: use that version`,
    };
  const message = { chatId, number, uid, ...content, epoch: epoch ?? undefined, createdAt: acceptedAt };
  const taken = { restored: false, reason: `Another message has number ${number}` } as const;
  if ((await compareWithStored(tx, "messages", [message])).conflicts.length > 0) return taken;
  const { stored, conflicts, refused } = await insertMessages(tx, [message]);
  if (conflicts.length > 0) return taken;
  if (refused[0]) return { restored: false, reason: refused[0].reason };
  const now = new Date();
  await addToOutbox(tx, stored, now);
  await addToChats(tx, stored);
  await advanceSenders(tx, stored, now);
  if (stored.length > 0) await noteChanges(tx, chatId, [number]);
  await tx.deadLetter.delete({ where: { id } });
  // The number is recorded as deleted if the letter was dropped before, and Redis delivered it again after losing data.
  if (stored.length > 0) await removeDeletedNumber(tx, chatId, number);
  return { restored: true };
}
