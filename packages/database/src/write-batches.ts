import { addToChats } from "./chat-totals.ts";
import { damagedReason, deadLetterMessages, type DeadLetteredMessage } from "./dead-letter-messages.ts";
import { addUnusedNumbers, removeDeletedNumber } from "./deleted-numbers.ts";
import { insertMessages } from "./insert-messages.ts";
import { lockChatsOf, noteLate } from "./late-messages.ts";
import { unlessLocked, type LockedChats } from "./locked-chats.ts";
import { addKeys, removeKeys, type Original } from "./message-keys.ts";
import { sortByKey } from "./message-rows.ts";
import { recordNumberings, type Numbering } from "./numberings.ts";
import { addToOutbox } from "./outbox-ranges.ts";
import { checkOwners, type AddressedMessage } from "./owners.ts";
import { advanceSenders } from "./sender-horizons.ts";
import { settleAgain } from "./settle-again.ts";
import { hex, recordBatches } from "./stored-batches.ts";
import { countTombstones, insertTombstones } from "./tombstones.ts";
import type { Statements } from "./session.ts";

/** A batch to store. Its id (16 bytes) makes a second delivery harmless. */
export interface NewBatch<M extends AddressedMessage = AddressedMessage> {
  readonly id: Uint8Array;
  readonly messages: readonly M[];
  /** Beginnings of numberings that the database may not know yet. */
  readonly numberings?: readonly Numbering[] | undefined;
}

export interface StoreResult<M> {
  /** The number of messages that this call stored. */
  readonly stored: number;
  /** The number of batches that were stored before. */
  readonly knownBatches: number;
  /** Messages that were not stored, because another message has their number. They need a new number. */
  readonly conflicts: M[];
  /**
   * Messages that were kept as dead letters: the database refused them, their chat does not exist, or they are damaged.
   */
  readonly refused: DeadLetteredMessage<M>[];
  /** Messages that were dropped, because their chat or application was deleted. */
  readonly erased: M[];
  /** Messages that were not stored, because their chats are locked. Their batches must be stored again. */
  readonly locked: M[];
  /**
   * Messages that were dropped, because an earlier message has their idempotency key, which Redis had lost, or because they are stored
   * under another number. A tombstone has their own number.
   */
  readonly repeated: { message: M; original: Original }[];
}

/** Stores batches in a transaction, except the messages of locked chats. Also returns the numberings that it recorded. */
export async function writeBatches<M extends AddressedMessage>(
  tx: Statements,
  given: readonly NewBatch<M>[],
  { numberings, lockedChats }: { numberings: readonly Numbering[]; lockedChats: LockedChats },
): Promise<StoreResult<M> & { recorded: readonly Numbering[] }> {
  const now = new Date();
  const all = given.flatMap(({ messages }) => messages);
  const isLocked = await lockedChats.stillLocked(tx, all);
  const batches = isLocked.size === 0 ? given : withoutChats(given, isLocked);
  const unique = [...new Map(batches.map((batch) => [hex(batch.id), batch])).values()];
  // Together, which saves a round trip.
  const [{ fresh, delivered }, { placed, misplaced, unknown, erased }] = await Promise.all([
    recordBatches(tx, unique),
    checkOwners(
      tx,
      unique.flatMap((batch) => batch.messages),
    ),
  ]);
  const before = new Set(delivered.flatMap((batch) => batch.messages));
  const again = await settleAgain(
    tx,
    placed.filter((message) => before.has(message)),
  );
  const { rows: candidates, clashes } = withoutClashes(
    sortByKey([...placed.filter((message) => !before.has(message)), ...again.missing]),
  );
  const repeated = new Map([...again.repeated, ...(await addKeys(tx, candidates))]);
  const rows = repeated.size === 0 ? candidates : candidates.filter((message) => !repeated.has(message));
  const { stored, conflicts, refused } = await insertMessages(
    tx,
    rows.filter(({ damaged }) => damaged !== true),
  );
  const damaged = rows.filter((row) => row.damaged === true).map((row) => ({ ...row, reason: damagedReason }));
  const dead = await deadLetterMessages(tx, { refused: [...refused, ...damaged], unknown }, now);
  const late = [...conflicts, ...dead.conflicts];
  await removeKeys(tx, late);
  const tombstones = await insertTombstones(tx, [...repeated.keys()], now, { ofRepetitions: true });
  // While these were pending, readers may have been shown them instead of what is stored under their numbers.
  const shown = [...again.conflicts, ...clashes, ...late, ...repeated.keys()];
  await addToOutbox(tx, stored, now);
  const present = new Set(placed.map(({ chatId }) => chatId));
  const recorded = numberings.filter(({ chatId }) => present.has(chatId));
  await unlessLocked(async () => {
    await recordNumberings(tx, recorded);
    if (shown.length > 0) await lockChatsOf(tx, [...stored, ...shown]);
    // Late, because every writer of a chat waits for the lock on its count.
    await addToChats(tx, stored);
    await advanceSenders(tx, stored, now);
  });
  // After the numberings, whose beginning removes such numbers.
  await addUnusedNumbers(tx, [...repeated.keys()]);
  await countTombstones(tx, tombstones);
  await noteLate(tx, shown);
  const found = again.missing.filter((message) => stored.includes(message));
  for (const { chatId, number } of found) await removeDeletedNumber(tx, chatId, number);
  return {
    stored: stored.length,
    knownBatches: batches.length - fresh.length,
    conflicts: [...again.conflicts, ...misplaced, ...clashes, ...late],
    refused: dead.deadLettered,
    erased,
    locked: all.filter(({ chatId }) => isLocked.has(chatId)),
    repeated: Array.from(repeated, ([message, original]) => ({ message, original })),
    recorded,
  };
}

/** A batch that is left out as a whole is not recorded as stored. */
function withoutChats<M extends AddressedMessage>(
  batches: readonly NewBatch<M>[],
  left: ReadonlySet<bigint>,
): NewBatch<M>[] {
  const others = batches.map((batch) => ({
    ...batch,
    messages: batch.messages.filter(({ chatId }) => !left.has(chatId)),
  }));
  return others.filter(({ messages }) => messages.length > 0);
}

/**
 * If messages of one call share a number, keeps the first one. Drops repetitions of it, and returns other messages as
 * clashes.
 */
function withoutClashes<M extends AddressedMessage>(sorted: readonly M[]): { rows: M[]; clashes: M[] } {
  const rows: M[] = [];
  const clashes: M[] = [];
  for (const message of sorted) {
    const last = rows.at(-1);
    if (last?.number !== message.number || last.chatId !== message.chatId) rows.push(message);
    else if (Buffer.compare(last.uid, message.uid) !== 0) clashes.push(message);
  }
  return { rows, clashes };
}
