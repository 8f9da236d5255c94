import { contentBytes, maxPageBytes } from "@confab/contracts";
import type { FoundMessage, SearchFilters } from "./search-index.ts";
import type { StoredMessages, Walk } from "./walk-chats.ts";

/** Maximum number of messages, and of bytes of their contents, per read. */
const mostAtOnce = { limit: 250, bytes: maxPageBytes };

/**
 * Starts a walk through the messages of a chat in descending order of their numbers, below the number `after` if it is
 * given.
 */
export async function walkChat(
  stored: StoredMessages,
  { chatId, from, to }: Pick<SearchFilters, "from" | "to"> & { chatId: bigint },
  after?: number,
): Promise<Walk<FoundMessage, number>> {
  let before = after ?? (await beginningOf());
  let isOver = before === 0;
  let [messages, held]: [FoundMessage[], number] = [[], 0];

  /**
   * Returns the number below which the walk begins: 0 if no message qualifies, or undefined to begin with the newest
   * message.
   */
  async function beginningOf(): Promise<number | undefined> {
    if (to === undefined) return undefined;
    const [last] = await stored.latestBefore([{ chatId, before: to }]);
    return last === undefined ? 0 : last.number + 1;
  }

  async function read(): Promise<void> {
    messages = await stored.newest(chatId, before === undefined ? mostAtOnce : { ...mostAtOnce, before });
    before = messages.at(-1)?.number;
    for (const message of messages) held += contentBytes(message);
    // Times normally increase with the numbers. Because Redis' clock may have been set back, the walk ends only when
    // all messages in a read are too old.
    isOver = before === undefined || (from !== undefined && messages.every(({ createdAt }) => createdAt < from));
  }

  return {
    heldBytes: () => held,
    async next() {
      if (messages.length === 0 && !isOver) await read();
      const message = messages.shift();
      if (message === undefined) return undefined;
      held -= contentBytes(message);
      return { message, position: message.number };
    },
  };
}
