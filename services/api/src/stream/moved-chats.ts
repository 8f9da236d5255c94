import type { Chats } from "@confab/database";
import type { PendingMessages } from "@confab/intake";
import type { Start } from "./frames.ts";

/** The chats that have messages or changes after these positions, by number. Rejects if a store is unavailable. */
export type FindMovedChats = (token: string, starts: readonly Start[]) => Promise<ReadonlySet<number>>;

export interface MovedChatsOptions {
  chats: Pick<Chats, "positions">;
  pending: Pick<PendingMessages, "lastNumber">;
}

/** Finds out with one query in which of many chats there is something to read, because a client that returns has missed little. */
export function createFindMovedChats({ chats, pending }: MovedChatsOptions): FindMovedChats {
  return async (token, starts) => {
    // Redis first: a message leaves it only after MySQL has it.
    const assigned = await Promise.all(starts.map(({ chat: { number } }) => pending.lastNumber({ token, number })));
    const stored = await chats.positions(starts.map(({ chat }) => chat.id));
    const moved = starts.filter(({ chat, position }, at) => {
      const known = stored.get(chat.id);
      const last = Math.max(known?.lastMessageNumber ?? 0, assigned[at] ?? 0);
      return last > position.number || (known?.lastChangeNumber ?? 0) > position.change;
    });
    return new Set(moved.map(({ chat }) => chat.number));
  };
}
