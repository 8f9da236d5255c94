import { alwaysFit, contentBytes, maxEarlierVersions, type Metadata } from "@confab/contracts";
import { inTime, type CommitGuard } from "./attempt.ts";
import { nextChangeNumber } from "./change-numbers.ts";
import { contentSizes, messageColumns, toMessage, type Message, type MessageAddress } from "./messages.ts";
import { withMetadata } from "./metadata-text.ts";
import { addRanges } from "./outbox-ranges.ts";
import { readPage } from "./page.ts";
import { leaveTombstones } from "./remove-messages.ts";
import { transaction } from "./transaction.ts";
import type { Database, Queryable } from "./client.ts";
import type { Message as MessageRow } from "./generated/client.ts";

/** The fields of a message that can be changed. A field that is absent stays. */
export interface MessageEdit {
  readonly body?: string | undefined;
  readonly metadata?: Metadata | null | undefined;
}

/**
 * A message to change, and whether the message under its number is the one that the caller knows: after a loss of Redis, another one
 * may have the number.
 */
export interface ChangeTarget {
  readonly chatId: bigint;
  readonly number: number;
  /** Whether it is that message, in whatever version, deleted or not. */
  readonly isSame?: ((message: Message) => boolean) | undefined;
  /** Whether it may be changed as it is now. An error that it throws rolls the change back. */
  readonly isExpected?: ((message: Message) => boolean) | undefined;
}

/**
 * The outcome of a change: the message after it, or why nothing was changed. A message that is not stored is missing, and so is
 * one whose chat was deleted.
 */
export type ChangeOutcome =
  | { readonly kind: "changed" | "unchanged"; readonly message: Message }
  | { readonly kind: "missing" | "other-message" | "deleted" | "other-version" | "history-full" };

/** An earlier version of a message. */
export interface EarlierVersion {
  readonly version: number;
  readonly body: string;
  readonly metadata: Metadata | null;
  /** When this version was written. */
  readonly createdAt: Date;
}

export type MessageChanges = ReturnType<typeof createMessageChanges>;

/**
 * Edits and deletes stored messages. Each change takes the next change number of its chat in the transaction that makes it. A write that is not done within `timeoutMs` fails with `WriteNotDone`, or with `WriteOutcomeUnknown` if its
 * commit was already sent.
 */
export function createMessageChanges(database: Database, { timeoutMs }: { timeoutMs?: number } = {}) {
  const { prisma } = database;
  const change = (target: ChangeTarget, write: Write): Promise<ChangeOutcome> =>
    inTime(timeoutMs, (guard) => changeMessage(database, target, write, guard));

  return {
    /** Replaces the given fields. The same values again change nothing and take no change number. */
    edit: (target: ChangeTarget, edit: MessageEdit): Promise<ChangeOutcome> =>
      change(target, (tx, message, changeNumber) => editMessage(tx, message, edit, changeNumber)),

    /** Leaves a message without content. A worker deletes its earlier versions. A repetition changes nothing. */
    remove: (target: ChangeTarget): Promise<ChangeOutcome> => change(target, removeMessage),

    /**
     * Earlier versions of a message after a version, oldest first: a page of at most `limit`, which ends where their contents reach
     * 1 MiB. The current version is not among them. `next` is the version after which the next page begins, absent on the last page.
     */
    async versions(
      { chatId, number }: MessageAddress,
      { after = 0, limit }: { after?: number; limit: number },
    ): Promise<{ items: EarlierVersion[]; next: number | undefined }> {
      const { items, more } = await readPage({
        limit,
        alwaysFit,
        sizes: (most) =>
          prisma.$queryRaw<{ bytes: bigint | number }[]>`
            SELECT LENGTH(body) + COALESCE(LENGTH(metadata), 0) AS bytes FROM message_versions
             WHERE chat_id = ${chatId} AND number = ${number} AND version > ${after} ORDER BY version LIMIT ${most}`,
        rows: (most) =>
          prisma.messageVersion.findMany({
            where: { chatId, number, version: { gt: after } },
            orderBy: { version: "asc" },
            take: most,
            select: { version: true, body: true, metadata: true, createdAt: true },
          }),
      });
      return { items: items.map(withMetadata), next: more ? items.at(-1)?.version : undefined };
    },

    /**
     * The messages that changed after a change number, as they are now, in the order of their latest changes. A message that
     * changed several times appears once. A page ends where their contents reach 1 MiB. `next` is the change number after which the
     * next page begins, absent on the last page.
     */
    async after(
      chatId: bigint,
      changeNumber: number,
      limit: number,
    ): Promise<{ items: Message[]; next: number | undefined }> {
      const changed = `FROM message_changes k STRAIGHT_JOIN messages m ON m.chat_id = k.chat_id AND m.number = k.number
          WHERE k.chat_id = ? AND k.change_number > ? ORDER BY k.change_number LIMIT ?`;
      const { items, more } = await readPage({
        limit,
        alwaysFit,
        sizes: (most) =>
          prisma.$queryRawUnsafe<{ bytes: bigint | number }[]>(
            `SELECT ${contentSizes} AS bytes ${changed}`,
            chatId,
            changeNumber,
            most,
          ),
        // One statement, so that no row is newer than the change by which it was found.
        rows: (most) =>
          prisma.$queryRawUnsafe<MessageRow[]>(`SELECT ${messageColumns} ${changed}`, chatId, changeNumber, most),
      });
      return {
        items: items.map(toMessage),
        next: more ? (items.at(-1)?.changeNumber ?? undefined) : undefined,
      };
    },
  };
}

/** Writes a change in a transaction that has locked the row of the chat. Returns the message after it, or why nothing was changed. */
type Write = (tx: Queryable, message: Message, changeNumber: number) => Promise<Message | "unchanged" | "history-full">;

async function changeMessage(
  database: Database,
  { chatId, number, isSame, isExpected }: ChangeTarget,
  write: Write,
  guard: CommitGuard,
): Promise<ChangeOutcome> {
  // A row that a worker has inserted and not committed would be waited for with the chat locked, for which the worker waits.
  const key = { chatId_number: { chatId, number } };
  if (!(await database.prisma.message.findUnique({ where: key, select: { number: true } }))) {
    return { kind: "missing" };
  }
  return transaction(
    database,
    async (tx): Promise<ChangeOutcome> => {
      const changeNumber = await nextChangeNumber(tx, chatId);
      const row = changeNumber !== undefined && (await tx.message.findUnique({ where: key }));
      if (changeNumber === undefined || !row) return { kind: "missing" };
      const message = toMessage(row);
      if (isSame && !isSame(message)) return { kind: "other-message" };
      // The tombstone of a repetition: its message is under another number.
      if (message.deletedAt !== null && message.version === 1) return { kind: "other-message" };
      if (message.deletedAt !== null) return { kind: "deleted" };
      if (isExpected && !isExpected(message)) return { kind: "other-version" };
      const changed = await write(tx, message, changeNumber);
      if (changed === "unchanged") return { kind: changed, message };
      if (changed === "history-full") return { kind: changed };
      return { kind: "changed", message: changed };
    },
    { guard },
  );
}

async function editMessage(tx: Queryable, message: Message, edit: MessageEdit, changeNumber: number) {
  const now = new Date();
  const { chatId, number, version, body, updatedAt } = message;
  const old = { body, metadata: message.metadata?.text ?? null };
  const changed = {
    body: edit.body ?? body,
    metadata: edit.metadata === undefined ? old.metadata : (edit.metadata?.text ?? null),
  };
  if (changed.body === old.body && changed.metadata === old.metadata) return "unchanged";
  // Each edit adds one version.
  if (version > maxEarlierVersions) return "history-full";
  await tx.messageVersion.create({ data: { chatId, number, version, ...old, createdAt: updatedAt } });
  await tx.$executeRaw`UPDATE chats SET last_change_number = ${changeNumber} WHERE id = ${chatId}`;
  if (message.changeNumber !== null) {
    await tx.messageChange.delete({ where: { chatId_changeNumber: { chatId, changeNumber: message.changeNumber } } });
  }
  await tx.messageChange.create({ data: { chatId, changeNumber, number } });
  const edited = await tx.message.update({
    where: { chatId_number: { chatId, number } },
    data: { ...changed, editedAt: now, changeNumber, version: version + 1, updatedAt: now },
  });
  const after = toMessage(edited);
  await addRanges(tx, [{ chatId, number, bytes: contentBytes(after) }], now);
  return after;
}

async function removeMessage(tx: Queryable, message: Message, changeNumber: number) {
  const { chatId, number } = message;
  await leaveTombstones(tx, chatId, [message], changeNumber);
  return toMessage(await tx.message.findUniqueOrThrow({ where: { chatId_number: { chatId, number } } }));
}
