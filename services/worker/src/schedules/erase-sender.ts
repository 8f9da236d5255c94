import { setTimeout as pause } from "node:timers/promises";
import type { ClaimedErasure, ErasedSender, ErasureWork } from "@confab/database";
import { chunksOf } from "@confab/async";

export interface SenderErasingOptions {
  readonly work: ErasureWork;
  /** Returns whether messages that were accepted at least this long ago are pending. */
  readonly hasPending: (ageMs: number) => Promise<boolean>;
  readonly rowsPerSecond: number;
  readonly settleMs: number;
  readonly holdMs: number;
}

type SenderErasure = ClaimedErasure & ErasedSender;

const chatsAtOnce = 1_000;
/** Number of rows that a statement searches. A statement that finds nothing takes some hundredths of a second. */
const rowsAtOnce = 10_000;
const deletedAtOnce = 1_000;

/** A range of numbers in a chat. The last range of a chat points to the next chat. */
interface Piece {
  readonly chatId: bigint;
  readonly from: number;
  readonly to: number;
  /** Where the erasure continues after this piece. */
  readonly next: readonly [chat: number, number: number];
}

/**
 * Erases what a sender wrote before the request. It does so in two passes, because messages may be pending during the
 * first one. The second pass begins when all messages that were accepted before the end of the first pass are stored.
 * The returned function works until `isOver`. It resolves to "complete", or to the time in milliseconds that the
 * erasure has to wait.
 */
export function createSenderErasing({ work, hasPending, rowsPerSecond, settleMs, holdMs }: SenderErasingOptions) {
  async function clearPieces(erasure: SenderErasure, pieces: readonly Piece[]): Promise<void> {
    const began = performance.now();
    const found = await work.messagesOf(erasure, pieces);
    // Because of this pause, reading takes at most half of the time, regardless of what it finds.
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

  /** Clears all remaining chats. Returns false if the turn ended earlier. */
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
    // Only durations are compared, because one comes from MySQL's clock and the other from Redis' clock.
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
