import { DAMAGED, deadLetterMessages, type DeadLetteredMessage } from "./dead-letter-messages.ts";
import { isDuplicateKey } from "./errors.ts";
import { addUnusedNumbers, removeDeletedNumber } from "./deleted-numbers.ts";
import { lockChatsOf, noteLate } from "./late-messages.ts";
import { ChatLocked, createLockedChats, unlessLocked } from "./locked-chats.ts";
import { addKeys, removeKeys, type Original } from "./message-keys.ts";
import { addToChats, addToOutbox, insertMessages, sortByKey } from "./message-rows.ts";
import { createStoredNumberings, recordNumberings, type Numbering } from "./numberings.ts";
import { checkOwners, type AddressedMessage, type Placed } from "./owners.ts";
import { advanceSenders } from "./sender-horizons.ts";
import { settleAgain } from "./settle-again.ts";
import { countTombstones, insertTombstones } from "./tombstones.ts";
import { RetryTransaction, directTransaction, placeholders } from "./transaction.ts";
import type { Database } from "./client.ts";
import type { Statements } from "./session.ts";

/** A batch to store. Its id (16 bytes) makes a second delivery harmless. */
export interface NewBatch<M extends AddressedMessage = AddressedMessage> {
  readonly id: Uint8Array;
  readonly messages: readonly M[];
  /** Beginnings of numberings that the database may not know yet. */
  readonly numberings?: readonly Numbering[] | undefined;
}

/** A batch whose messages Redis lost, with their numbers, if these are known. */
export interface LostBatch {
  readonly id: Uint8Array;
  readonly messages: readonly (Placed & { readonly number: number })[];
  readonly numberings: readonly Numbering[];
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

const TIMEOUT_MS = 30_000;
/** Each may find further chats that are locked. */
const ATTEMPTS = 3;

export type BatchStore = ReturnType<typeof createBatchStore>;

/** Stores accepted messages exactly once. */
export function createBatchStore(database: Database) {
  const lockedChats = createLockedChats();
  const storedNumberings = createStoredNumberings();
  return {
    /**
     * Stores all batches in one transaction: ids, rows, dead letters, search outbox, counts and the horizons of senders. Leaves out
     * the messages of a chat that is locked for longer than a session waits. Throws every error that does not concern a single row or
     * chat. After an error the outcome may be unknown; repeating the call settles it.
     */
    async store<M extends AddressedMessage>(batches: readonly NewBatch<M>[]): Promise<StoreResult<M>> {
      const messages = batches.flatMap((batch) => batch.messages);
      // All batches count, because one that was stored before may have been stored without a chat that was locked.
      const numberings = batches
        .flatMap((batch) => batch.numberings ?? [])
        .filter((numbering) => !storedNumberings.has(numbering));
      for (let attempt = 1; ; attempt += 1) {
        try {
          const storeUnlocked = async (tx: Statements) => {
            const isLocked = await lockedChats.stillLocked(tx, messages);
            if (isLocked.size === 0) return { ...(await store(tx, batches, numberings)), locked: [] };
            const others = batches.map((batch) => ({ ...batch, messages: batch.messages.filter(isOutside(isLocked)) }));
            // A batch that is left out as a whole is not recorded as stored.
            const result = await store(
              tx,
              others.filter((batch) => batch.messages.length > 0),
              numberings,
            );
            return { ...result, locked: messages.filter(({ chatId }) => isLocked.has(chatId)) };
          };
          const { recorded, ...result } = await directTransaction(database, storeUnlocked, { timeoutMs: TIMEOUT_MS });
          storedNumberings.add(recorded);
          return result;
        } catch (error) {
          if (!(error instanceof ChatLocked)) throw error;
          if (attempt === ATTEMPTS) throw error.lockWait;
          await lockedChats.find(database, messages, TIMEOUT_MS);
        }
      }
    },

    /** Records that the numbers of lost messages have none, so that nobody counts them as unread. */
    noteLost: (batches: readonly LostBatch[]): Promise<void> =>
      directTransaction(database, (tx) => noteLost(tx, batches), { timeoutMs: TIMEOUT_MS }),

    /**
     * Notes that these messages are stored and that Redis, meanwhile, has lost their batches: readers may have passed their numbers, as
     * nothing was pending there, or have seen other messages under them.
     */
    noteLate: (messages: readonly Pick<AddressedMessage, "chatId" | "number">[]): Promise<void> =>
      directTransaction(database, (tx) => noteLate(tx, messages), { timeoutMs: TIMEOUT_MS }),

    /** When the batch was stored; undefined if it was not, or if its id was pruned. */
    async storedAt(batchId: Uint8Array): Promise<Date | undefined> {
      const batch = await database.prisma.storedBatch.findUnique({ where: { id: new Uint8Array(batchId) } });
      return batch?.storedAt;
    },
  };
}

async function store<M extends AddressedMessage>(
  tx: Statements,
  batches: readonly NewBatch<M>[],
  numberings: readonly Numbering[],
): Promise<Omit<StoreResult<M>, "locked"> & { recorded: readonly Numbering[] }> {
  const now = new Date();
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
  const damaged = rows.filter((row) => row.damaged === true).map((row) => ({ ...row, reason: DAMAGED }));
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
    repeated: Array.from(repeated, ([message, original]) => ({ message, original })),
    recorded,
  };
}

async function noteLost(tx: Statements, batches: readonly LostBatch[]): Promise<void> {
  // A worker that read a batch before it was lost either stored it before, or stores it now as one that is delivered again.
  await recordBatches(tx, batches);
  const { placed } = await checkOwners(
    tx,
    batches.flatMap(({ messages }) => messages),
  );
  const present = new Set(placed.map(({ chatId }) => chatId));
  await recordNumberings(
    tx,
    batches.flatMap(({ numberings }) => numberings.filter(({ chatId }) => present.has(chatId))),
  );
  await addUnusedNumbers(tx, placed);
}

/** Inserts the new ids in id order. If another delivery inserts one at the same time, the transaction starts again. */
async function recordBatches<B extends { readonly id: Uint8Array }>(tx: Statements, batches: readonly B[]) {
  if (batches.length === 0) return { fresh: [], delivered: [] };
  const known = await tx.$queryRawUnsafe<{ id: Uint8Array }[]>(
    `SELECT id FROM stored_batches WHERE id IN (${placeholders(batches)})`,
    ...batches.map((batch) => batch.id),
  );
  const taken = new Set(known.map((row) => hex(row.id)));
  const fresh = batches.filter((batch) => !taken.has(hex(batch.id)));
  const delivered = batches.filter((batch) => taken.has(hex(batch.id)));
  if (fresh.length > 0) {
    const ids = fresh.map((batch) => batch.id).sort((a, b) => Buffer.compare(a, b));
    try {
      await tx.$executeRawUnsafe(
        `INSERT INTO stored_batches (id, stored_at) VALUES ${ids.map(() => "(?, UTC_TIMESTAMP(3))").join(", ")}`,
        ...ids,
      );
    } catch (error) {
      throw isDuplicateKey(error)
        ? new RetryTransaction("the batch is being delivered twice concurrently", { cause: error })
        : error;
    }
  }
  return { fresh, delivered };
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

function isOutside(locked: ReadonlySet<bigint>): (message: AddressedMessage) => boolean {
  return ({ chatId }) => !locked.has(chatId);
}

function hex(id: Uint8Array): string {
  return Buffer.from(id).toString("hex");
}
