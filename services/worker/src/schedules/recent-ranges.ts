import type { MessageRange } from "@confab/database";

export interface RecentRanges {
  /** Remembers a message that was just stored. */
  readonly note: (message: { chatId: bigint; number: number }) => void;
  /** Returns whether `take` would return any ranges. */
  readonly has: (before: number) => boolean;
  /** Forgets at most 200 ranges whose first message was noted before a time, and returns them. */
  readonly take: (before: number) => MessageRange[];
}

const takenAtOnce = 200;

/**
 * Creates a memory of one range per chat that this process stored recently. Above `limit` chats, further chats are left
 * out.
 */
export function createRecentRanges(limit: number): RecentRanges {
  const ranges = new Map<bigint, { from: number; to: number; since: number }>();
  return {
    note({ chatId, number }) {
      const range = ranges.get(chatId);
      if (range) {
        range.from = Math.min(range.from, number);
        range.to = Math.max(range.to, number);
      } else if (ranges.size < limit) ranges.set(chatId, { from: number, to: number, since: Date.now() });
    },
    has(before) {
      const [first] = ranges.values();
      return first !== undefined && first.since < before;
    },
    take(before) {
      const taken: MessageRange[] = [];
      // The map has the order in which the first message of each range was noted.
      for (const [chatId, { from, to, since }] of ranges) {
        if (since >= before || taken.length === takenAtOnce) break;
        ranges.delete(chatId);
        taken.push({ chatId, from, to });
      }
      return taken;
    },
  };
}
