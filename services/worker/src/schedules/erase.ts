import { setTimeout as pause } from "node:timers/promises";
import type { ErasedChat, Erasure, ErasureWork } from "@confab/database";
import type { IntakeErasure } from "@confab/intake";
import type { MetricCatalogue } from "@confab/metrics";
import { shortToken, type Logger, type Metrics } from "@confab/runtime";

export interface EraseOptions {
  work: ErasureWork;
  intake: IntakeErasure;
  /** Whether messages that were accepted before a time may still be pending. */
  hasPendingBefore: (time: Date) => Promise<boolean>;
  /** Removes some documents of chats from the search index, and returns how many; absent if there is no index. */
  removeDocuments?: ((chatIds: readonly bigint[]) => Promise<number>) | undefined;
  /** Maximum number of rows and documents that are deleted per second. */
  rowsPerSecond: number;
  /** How long after a chat was cleared it is looked at again, for what was under way when it was deleted. */
  settleMs: number;
  metrics: Metrics<MetricCatalogue>;
  logger: Logger;
}

export interface Erasing {
  /** Carries out each erasure that no other worker holds, as far as possible now. One that fails does not hold up the others. */
  run(): Promise<void>;
  /** Lets the current run end after its next step. */
  stop(): void;
}

const holdMs = 60_000;
const restMs = 1_000;
const chatsAtOnce = 50;
const rowsAtOnce = 1_000;

/**
 * Carries out erasures: of each chat the rows in MySQL, then what Redis holds, then the documents of the search index, and a while
 * later whatever arrived since. Each step looks for what is left, so that any worker can go on after any step.
 */
export function createErasing(options: EraseOptions): Erasing {
  const {
    work,
    intake,
    hasPendingBefore,
    removeDocuments = () => Promise.resolve(0),
    rowsPerSecond,
    settleMs,
    logger,
  } = options;
  const finished = options.metrics.counter("confab_erasures_finished_total");
  let stopped = false;
  const isStopped = (): boolean => stopped;

  /** Repeats a step until it deletes nothing more. Returns how much it deleted. */
  async function exhaust(erasure: Erasure, step: () => Promise<number>): Promise<number> {
    for (let total = 0; ;) {
      const deleted = await step();
      total += deleted;
      if (deleted === 0 || isStopped()) return total;
      await work.hold(erasure, holdMs);
      await pause((deleted / rowsPerSecond) * 1_000);
    }
  }

  /** Erases what the stores have of the chats. Returns how much that was, and the chats of which nothing is under way any more. */
  async function clear(erasure: Erasure, chats: readonly ErasedChat[]) {
    const ids = chats.map(({ chatId }) => chatId);
    const rows = await exhaust(erasure, () => work.deleteRows(ids, rowsAtOnce));
    // Pending messages are dropped when their batches are stored.
    const pending = await intake.pendingAmong(
      erasure.token,
      chats.map(({ number }) => number),
    );
    const stored = chats.filter(({ number }) => !pending.has(number));
    const heads = await intake.forgetChats(
      erasure.token,
      stored.map(({ number }) => number),
    );
    // Asked before the index: what leaves the outbox meanwhile is in the index.
    const waiting = await work.firstOutboxId();
    const documents = await exhaust(erasure, () => removeDocuments(ids));
    const quiet = stored.filter(({ lastOutboxId }) => waiting === undefined || waiting > lastOutboxId);
    return { found: rows + heads + documents, quiet: quiet.map(({ chatId }) => chatId) };
  }

  async function clearChats(erasure: Erasure): Promise<void> {
    for (let after = 0n; ;) {
      const chats = await work.chatsToClear(erasure, { after, limit: chatsAtOnce });
      if (chats.length === 0) return;
      const { quiet } = await clear(erasure, chats);
      if (isStopped()) return;
      await work.mark(quiet, "clearedAt");
      after = chats.at(-1)!.chatId;
    }
  }

  async function checkChats(erasure: Erasure): Promise<void> {
    for (;;) {
      const chats = await work.chatsToCheck(erasure, settleMs, chatsAtOnce);
      if (chats.length === 0) return;
      const { found, quiet } = await clear(erasure, chats);
      if (isStopped()) return;
      const isErased = found === 0 && quiet.length === chats.length;
      await work.mark(
        chats.map(({ chatId }) => chatId),
        isErased ? "erasedAt" : "clearedAt",
      );
    }
  }

  /** Deletes the messages of a sender in every chat. Returns how much it found. */
  async function clearSender(erasure: Erasure & { sender: string }): Promise<number> {
    let found = 0;
    for (let next = erasure.nextChatNumber; ;) {
      const chats = await work.nextChats({ ...erasure, nextChatNumber: next }, chatsAtOnce);
      for (const { id: chatId, number, lastMessageNumber } of chats) {
        found += await work.deleteRead(chatId, erasure.sender);
        for (let from = 1; from <= lastMessageNumber && !isStopped(); from += rowsAtOnce) {
          const range = { chatId, from, to: from + rowsAtOnce - 1 };
          const numbers = await work.numbersOf(range, erasure);
          await work.removeMessages(chatId, numbers);
          found += numbers.length;
          await work.hold(erasure, holdMs);
          await pause((rowsAtOnce / rowsPerSecond) * 1_000);
        }
        if (isStopped()) return found;
        next = number + 1;
        await work.advance(erasure, next);
      }
      if (chats.length < chatsAtOnce) break;
    }
    for (let after: bigint | undefined = 0n; after !== undefined;) {
      const letters: Awaited<ReturnType<ErasureWork["lettersOf"]>> = await work.lettersOf(erasure, after, rowsAtOnce);
      for (const id of letters.ids) await work.dropLetter(id);
      found += letters.ids.length;
      after = letters.next;
    }
    return found;
  }

  async function carryOutSender(erasure: Erasure & { sender: string }): Promise<void> {
    const { clearedAt, requestedAt } = erasure;
    if (clearedAt && Date.now() < clearedAt.getTime() + settleMs) return;
    // By then even a clock that is late has passed the time of the request.
    if (clearedAt && (await hasPendingBefore(new Date(requestedAt.getTime() + settleMs)))) return;
    const found = await clearSender(erasure);
    if (isStopped()) return;
    if (clearedAt === null || found > 0) await work.markCleared(erasure);
    else await finish(erasure);
  }

  async function finish(erasure: Erasure): Promise<void> {
    const { token, chatNumber, sender, requestedAt } = erasure;
    await work.finish(erasure);
    finished.inc();
    logger.info(
      {
        application: shortToken(token),
        ...(chatNumber !== null && { chat: chatNumber }),
        ...(sender !== null && { of: "a sender" }),
        seconds: Math.round((Date.now() - requestedAt.getTime()) / 1_000),
      },
      "erasure finished",
    );
  }

  async function carryOut(erasure: Erasure): Promise<void> {
    const { token, chatNumber } = erasure;
    await intake.mark(token, chatNumber ?? undefined);
    if (chatNumber === null) await exhaust(erasure, () => work.takeChats(erasure, chatsAtOnce));
    await clearChats(erasure);
    await checkChats(erasure);
    await exhaust(erasure, () => work.deleteLetters(erasure));
    if (isStopped() || (await work.hasOpenChats(erasure))) return;
    if (chatNumber === null) {
      await exhaust(erasure, () => work.deleteKeys(erasure, rowsAtOnce));
      await intake.forgetApplication(token);
    }
    if (!isStopped()) await finish(erasure);
  }

  return {
    async run() {
      const errors: unknown[] = [];
      for (let erasure = await work.claim(0n, holdMs); erasure; erasure = await work.claim(erasure.id, holdMs)) {
        try {
          const { sender } = erasure;
          await (sender === null ? carryOut(erasure) : carryOutSender({ ...erasure, sender }));
        } catch (error) {
          errors.push(error);
        }
        await work.hold(erasure, isStopped() ? 0 : restMs);
        if (isStopped()) break;
      }
      if (errors.length > 0) throw errors[0];
    },
    stop() {
      stopped = true;
    },
  };
}
