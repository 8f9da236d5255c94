import { noteLate } from "./late-messages.ts";
import { ChatLocked, createLockedChats } from "./locked-chats.ts";
import { createStoredNumberings } from "./numberings.ts";
import { noteLost, type LostBatch } from "./stored-batches.ts";
import { directTransaction } from "./transaction.ts";
import { writeBatches, type NewBatch, type StoreResult } from "./write-batches.ts";
import type { AddressedMessage } from "./owners.ts";
import type { Database } from "./client.ts";

const timeoutMs = 30_000;
/** Each may find further chats that are locked. */
const attempts = 3;

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
    store: async <M extends AddressedMessage>(batches: readonly NewBatch<M>[]): Promise<StoreResult<M>> => {
      const messages = batches.flatMap((batch) => batch.messages);
      // All batches count, because one that was stored before may have been stored without a chat that was locked.
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

    /** Records that the numbers of lost messages have none, so that nobody counts them as unread. */
    noteLost: (batches: readonly LostBatch[]): Promise<void> =>
      directTransaction(database, (tx) => noteLost(tx, batches), { timeoutMs: timeoutMs }),

    /**
     * Notes that these messages are stored and that Redis, meanwhile, has lost their batches: readers may have passed their numbers, as
     * nothing was pending there, or have seen other messages under them.
     */
    noteLate: (messages: readonly Pick<AddressedMessage, "chatId" | "number">[]): Promise<void> =>
      directTransaction(database, (tx) => noteLate(tx, messages), { timeoutMs: timeoutMs }),

    /** Returns when the batch was stored, or undefined if it was not, or if its id was pruned. */
    async storedAt(batchId: Uint8Array): Promise<Date | undefined> {
      const batch = await database.prisma.storedBatch.findUnique({ where: { id: new Uint8Array(batchId) } });
      return batch?.storedAt;
    },
  };
}
