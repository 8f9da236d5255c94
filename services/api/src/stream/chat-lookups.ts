import { createGathered } from "@confab/async";
import type { LastNumbers, Chats } from "@confab/database";
import type { ChatReference } from "@confab/contracts";
import type { ChatHead, PendingMessages } from "@confab/pending";

/** Combines look-ups that many streams make at the same time. Each look-up reads the stores after it was requested. */
export type ChatLookups = ReturnType<typeof createChatLookups>;

export interface ChatLookupsOptions {
  readonly chats: Pick<Chats, "withNames" | "lastNumbers">;
  readonly pending: Pick<PendingMessages, "head">;
}

/** Creates the look-ups of chats, of their last numbers in MySQL, and of their heads in Redis. */
export function createChatLookups({ chats, pending }: ChatLookupsOptions) {
  const nameOf = ({ token, number }: ChatReference): string => `${token}:${number}`;
  return {
    find: createGathered({
      nameOf,
      load: async (names: ChatReference[]) =>
        new Map((await chats.withNames(names)).map((chat) => [nameOf(chat), chat] as const)),
    }),
    /** The chat head, or undefined if Redis does not know the chat. */
    head: createGathered<ChatReference, ChatHead | undefined>({
      nameOf,
      load: (names: ChatReference[]) => new Map(names.map((name) => [nameOf(name), pending.head(name)] as const)),
    }),
    /** The last message number, change number and numbering in MySQL, or undefined if the chat was deleted. */
    lastNumbers: createGathered<bigint, LastNumbers>({
      nameOf: String,
      load: async (ids: bigint[]) =>
        new Map([...(await chats.lastNumbers(ids))].map(([id, position]) => [String(id), position] as const)),
    }),
  };
}
