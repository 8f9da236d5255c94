import { setTimeout as pause } from "node:timers/promises";
import type { ErasedChat, Erasure, ErasureWork } from "@confab/database";
import type { PendingErasure } from "@confab/pending";

export interface ChatErasingOptions {
  readonly work: ErasureWork;
  readonly pendingErasure: PendingErasure;
  readonly removeDocuments: (chatIds: readonly bigint[]) => Promise<number>;
  readonly rowsPerSecond: number;
  readonly settleMs: number;
  readonly holdMs: number;
}

const chatsAtOnce = 50;
const rowsAtOnce = 1_000;

/**
 * Erases deleted chats: of each the rows in MySQL, then what Redis holds, then the documents of the search index, and a while later
 * whatever arrived since. The returned function works until `isOver`, and resolves to whether the erasure is complete, or to how long,
 * in milliseconds, it has to wait.
 */
export function createChatErasing(options: ChatErasingOptions) {
  const { work, pendingErasure, removeDocuments, rowsPerSecond, settleMs, holdMs } = options;

  return async (erasure: Erasure, isOver: () => boolean): Promise<"complete" | number> => {
    const { token, chatNumber } = erasure;

    /** Repeats a step until it deletes nothing more; `isDone` is false if the turn ended before. */
    async function exhaust(step: () => Promise<number>): Promise<{ total: number; isDone: boolean }> {
      for (let total = 0; ;) {
        const deleted = await step();
        total += deleted;
        if (deleted === 0) return { total, isDone: true };
        await work.hold(erasure, holdMs);
        await pause((deleted / rowsPerSecond) * 1_000);
        if (isOver()) return { total, isDone: false };
      }
    }

    /**
     * Erases what the stores have of the chats. Returns how much that was, and the chats that have nothing in flight
     * any more.
     */
    async function clear(chats: readonly ErasedChat[]): Promise<{ found: number; quiet: bigint[] } | undefined> {
      const ids = chats.map(({ chatId }) => chatId);
      const rows = await exhaust(() => work.deleteRows(ids, rowsAtOnce));
      if (!rows.isDone) return undefined;
      // Pending messages are dropped when their batches are stored.
      const pending = await pendingErasure.pendingAmong(
        token,
        chats.map(({ number }) => number),
      );
      const stored = chats.filter(({ number }) => !pending.has(number));
      const heads = await pendingErasure.forgetChats(
        token,
        stored.map(({ number }) => number),
      );
      // Asked before the index: what leaves the outbox meanwhile is in the index.
      const waiting = await work.firstOutboxId();
      const documents = await exhaust(() => removeDocuments(ids));
      if (!documents.isDone) return undefined;
      const quiet = stored.filter(({ lastOutboxId }) => waiting === undefined || waiting > lastOutboxId);
      return { found: rows.total + heads + documents.total, quiet: quiet.map(({ chatId }) => chatId) };
    }

    /** Resolves to whether it came to the end. */
    async function clearChats(): Promise<boolean> {
      for (let after = 0n; ;) {
        const chats = await work.chatsToClear(erasure, { after, limit: chatsAtOnce });
        if (chats.length === 0) return true;
        const cleared = await clear(chats);
        if (!cleared) return false;
        await work.mark(cleared.quiet, "clearedAt");
        if (isOver()) return false;
        after = chats.at(-1)!.chatId;
      }
    }

    /** Resolves to whether it came to the end. */
    async function checkChats(): Promise<boolean> {
      for (;;) {
        const chats = await work.chatsToCheck(erasure, settleMs, chatsAtOnce);
        if (chats.length === 0) return true;
        const cleared = await clear(chats);
        if (!cleared) return false;
        const isErased = cleared.found === 0 && cleared.quiet.length === chats.length;
        await work.mark(
          chats.map(({ chatId }) => chatId),
          isErased ? "erasedAt" : "clearedAt",
        );
        if (isOver()) return false;
      }
    }

    if (chatNumber === null && !(await exhaust(() => work.takeChats(erasure, chatsAtOnce))).isDone) return 0;
    if (!(await clearChats()) || !(await checkChats())) return 0;
    if (!(await exhaust(() => work.deleteLetters(erasure))).isDone) return 0;
    if (await work.hasOpenChats(erasure)) return 1_000;
    if (chatNumber === null) {
      if (!(await exhaust(() => work.deleteKeys(erasure, rowsAtOnce))).isDone) return 0;
      await pendingErasure.forgetApplication(token);
    }
    return "complete";
  };
}
