import type { ChatLookups } from "./chat-lookups.ts";
import type { Start } from "./position.ts";

/**
 * Finds the numbers of the chats that have messages or changes after these positions, or that have lost some. Rejects
 * if a store is unavailable.
 */
export type FindMovedChats = (token: string, starts: readonly Start[]) => Promise<ReadonlySet<number>>;

/**
 * Creates the function. It checks all chats with one look-up per store instead of reading each chat, because a
 * returning client has usually missed little.
 */
export function createFindMovedChats({
  lastNumbers,
  head: headOf,
}: Pick<ChatLookups, "lastNumbers" | "head">): FindMovedChats {
  return async (token, starts) => {
    // Redis is read first, because a message leaves it only after MySQL has it.
    const heads = await Promise.all(starts.map(({ chat: { number } }) => headOf({ token, number })));
    const stored = await Promise.all(starts.map(({ chat }) => lastNumbers(chat.id)));
    const moved = starts.filter(({ position }, at) => {
      const last = Math.max(stored[at]?.lastMessageNumber ?? 0, heads[at]?.last ?? 0);
      const numbering = Math.max(stored[at]?.lastNumbering ?? 0, heads[at]?.numbering ?? 0);
      return (
        last !== position.number ||
        numbering > position.numbering ||
        (stored[at]?.lastChangeNumber ?? 0) !== position.change
      );
    });
    return new Set(moved.map(({ chat }) => chat.number));
  };
}
