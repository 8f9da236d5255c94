import { setTimeout as pause } from "node:timers/promises";
import type { ClaimedErasure, ErasedSender, ErasureWork } from "@confab/database";
import { chunksOf } from "@confab/async";

export interface SenderErasingOptions {
  readonly work: ErasureWork;
  /** Whether messages that were accepted at least this long ago are pending. */
  readonly hasPending: (ageMs: number) => Promise<boolean>;
  readonly rowsPerSecond: number;
  readonly settleMs: number;
  readonly holdMs: number;
}

type SenderErasure = ClaimedErasure & ErasedSender;

const chatsAtOnce = 1_000;
/** A statement that finds nothing in so many rows takes some hundredths of a second. */
const rowsAtOnce = 10_000;
const deletedAtOnce = 1_000;

/** A range of numbers of a chat; the last one of its chat says where the next chat begins. */
interface Piece {
  readonly chatId: bigint;
  readonly from: number;
  readonly to: number;
  /** Where an erasure continues that has done everything up to here. */
  readonly next: readonly [chat: number, number: number];
}

/**
 * Erases what a sender wrote before the request: twice, because the first time messages may be pending. By the second time, none that
 * was accepted before the first one is. The returned function works until `isOver`, and resolves to whether the erasure is complete, or
 * to how long, in milliseconds, it has to wait.
 */
export function createSenderErasing({ work, hasPending, rowsPerSecond, settleMs, holdMs }: SenderErasingOptions) {
  async function clearPieces(erasure: SenderErasure, pieces: readonly Piece[]): Promise<void> {
    const began = performance.now();
    const found = await work.messagesOf(erasure, pieces);
    // Reading takes half of the time at most, whatever it finds.
    await pause(performance.now() - began);
    for (const [chatId, messages] of Map.groupBy(found, (message) => message.chatId)) {
      for (const part of chunksOf(messages, { maxItems: deletedAtOnce, maxSize: Infinity, sizeOf: () => 0 })) {
        await work.removeMessages(
          chatId,
          part.map(({ number }) => number),
        );
        await work.hold(erasure, holdMs);
        await pause((part.length / rowsPerSecond) * 1_000);
      }
    }
    await work.advance(erasure, ...pieces.at(-1)!.next);
    await work.hold(erasure, holdMs);
  }

  /** Resolves to whether all chats are done. */
  async function clearChats(erasure: SenderErasure, isOver: () => boolean): Promise<boolean> {
    let first = erasure.nextNumber;
    for (let next = erasure.nextChatNumber; ;) {
      const chats = await work.nextChats(erasure, next, chatsAtOnce);
      if (chats.length === 0) return true;
      await work.deleteHorizons(
        erasure,
        chats.map(({ id }) => id),
      );
      const pieces = chats.flatMap((chat) => piecesOf(chat, chat.number === next ? first : 1));
      for (const part of chunksOf(pieces, { maxItems: chatsAtOnce, maxSize: rowsAtOnce, sizeOf: rowsOf })) {
        await clearPieces(erasure, part);
        if (isOver()) return false;
      }
      next = chats.at(-1)!.number + 1;
      first = 1;
    }
  }

  async function clearLetters(erasure: SenderErasure): Promise<void> {
    for (let after: bigint | undefined = 0n; after !== undefined;) {
      const letters: Awaited<ReturnType<ErasureWork["lettersOf"]>> = await work.lettersOf(
        erasure,
        after,
        deletedAtOnce,
      );
      for (const id of letters.ids) await work.dropLetter(id);
      after = letters.next;
    }
    while ((await work.clearLetters(erasure)) > 0) await work.hold(erasure, holdMs);
  }

  return async (erasure: SenderErasure, isOver: () => boolean): Promise<"complete" | number> => {
    const { clearedMs } = erasure;
    if (clearedMs !== undefined && clearedMs < settleMs) return settleMs - clearedMs;
    // Both are durations. The clock of MySQL measures one, the clock of Redis the other.
    if (clearedMs !== undefined && (await hasPending(clearedMs))) return 1_000;
    if (!(await clearChats(erasure, isOver))) return 0;
    await clearLetters(erasure);
    if (clearedMs !== undefined) return "complete";
    await work.markCleared(erasure);
    return settleMs;
  };
}

function piecesOf(
  { id, number, lastMessageNumber }: { id: bigint; number: number; lastMessageNumber: number },
  first: number,
) {
  const pieces: Piece[] = [];
  for (let from = first; from === first || from <= lastMessageNumber; from += rowsAtOnce) {
    const to = Math.max(0, Math.min(from + rowsAtOnce - 1, lastMessageNumber));
    pieces.push({ chatId: id, from, to, next: to === lastMessageNumber ? [number + 1, 1] : [number, to + 1] });
  }
  return pieces;
}

function rowsOf({ from, to }: Piece): number {
  return to - from + 1;
}
