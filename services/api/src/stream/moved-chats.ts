import type { ChatLookups } from "./chat-lookups.ts";
import type { Start } from "./position.ts";

/** The chats that have messages or changes after these positions, by number. Rejects if a store is unavailable. */
export type FindMovedChats = (token: string, starts: readonly Start[]) => Promise<ReadonlySet<number>>;

/** Finds out with one query in which of many chats there is something to read, because a client that returns has missed little. */
export function createFindMovedChats({
  position: positionOf,
  lastAssigned,
}: Pick<ChatLookups, "position" | "lastAssigned">): FindMovedChats {
  return async (token, starts) => {
    // Redis first: a message leaves it only after MySQL has it.
    const assigned = await Promise.all(starts.map(({ chat: { number } }) => lastAssigned({ token, number })));
    const stored = await Promise.all(starts.map(({ chat }) => positionOf(chat.id)));
    const moved = starts.filter(({ position }, at) => {
      const last = Math.max(stored[at]?.lastMessageNumber ?? 0, assigned[at] ?? 0);
      return last > position.number || (stored[at]?.lastChangeNumber ?? 0) > position.change;
    });
    return new Set(moved.map(({ chat }) => chat.number));
  };
}
