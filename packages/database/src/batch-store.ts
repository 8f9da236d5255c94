import { noteLate } from "./late-messages.ts";
import { ChatLocked, createLockedChats } from "./locked-chats.ts";
import { createStoredNumberings } from "./numberings.ts";
import { noteLost, type LostBatch } from "./stored-batches.ts";
import { directTransaction } from "./transaction.ts";
import { writeBatches, type NewBatch, type StoreResult } from "./write-batches.ts";
import type { AddressedMessage } from "./owners.ts";
import type { Database } from "./client.ts";

const timeoutMs = 30_000;
/** Maximum number of attempts: each one may find further locked chats. */
const attempts = 3;

export type BatchStore = ReturnType<typeof createBatchStore>;

/** Stores accepted messages exactly once. */
export function createBatchStore(database: Database) {
  const lockedChats = createLockedChats();
  const storedNumberings = createStoredNumberings();
  return {
    /**
     * Stores all batches in one transaction: ids, rows, dead letters, search outbox, counts and the read horizons of
     * senders. Leaves out messages in chats that stay locked for longer than a session waits. Throws every error that
     * does not concern a single row or chat. After an error, the outcome may be unknown. Repeating the call is safe.
     */
    store: async <M extends AddressedMessage>(batches: readonly NewBatch<M>[]): Promise<StoreResult<M>> => {
      const messages = batches.flatMap((batch) => batch.messages);
      // Includes the numberings of batches that were stored before: a chat may have been left out then, because it was
      // locked.
      const numberings = batches
        .flatMap((batch) => batch.numberings ?? [])
        .filter((numbering) => !storedNumberings.has(numbering));
      for (let attempt = 1; ; attempt += 1) {
        try {
          const { recorded, ...result } = await directTransaction(
            database,
            (tx) => writeBatches(tx, batches, { numberings, lockedChats }),
            { timeoutMs: timeoutMs },
          );
          storedNumberings.add(recorded);
          return result;
        } catch (error) {
          if (!(error instanceof ChatLocked)) throw error;
          if (attempt === attempts) throw error.lockWait;
          await lockedChats.find(database, messages, timeoutMs);
        }
      }
    },

    /** Records that lost messages have left their numbers unused, so that nobody counts these numbers as unread. */
    noteLost: (batches: readonly LostBatch[]): Promise<void> =>
      directTransaction(database, (tx) => noteLost(tx, batches), { timeoutMs: timeoutMs }),

    /**
     * Gives change numbers to messages that were stored after Redis had lost their batches. Readers may have passed the
     * numbers of these messages, because nothing was pending there, or may have seen other messages under them.
     */
    noteLate: (messages: readonly Pick<AddressedMessage, "chatId" | "number">[]): Promise<void> =>
      directTransaction(database, (tx) => noteLate(tx, messages), { timeoutMs: timeoutMs }),

    /** Returns when the batch was stored, or undefined if it was not stored or its id was pruned. */
    async storedAt(batchId: Uint8Array): Promise<Date | undefined> {
      const batch = await database.prisma.storedBatch.findUnique({ where: { id: new Uint8Array(batchId) } });
      return batch?.storedAt;
    },
  };
}
