import { createGathered } from "@confab/async";
import type { LastNumbers, Chats } from "@confab/database";
import type { ChatReference } from "@confab/contracts";
import type { ChatHead, PendingMessages } from "@confab/pending";

/** Look-ups of chats that many streams make at the same time, together. Each reads the stores after it was asked. */
export type ChatLookups = ReturnType<typeof createChatLookups>;

export interface ChatLookupsOptions {
  readonly chats: Pick<Chats, "withNames" | "lastNumbers">;
  readonly pending: Pick<PendingMessages, "head">;
}

/** Looks up chats, their positions in MySQL and their heads in Redis. */
export function createChatLookups({ chats, pending }: ChatLookupsOptions) {
  const nameOf = ({ token, number }: ChatReference): string => `${token}:${number}`;
  return {
    find: createGathered({
      nameOf,
      load: async (names: ChatReference[]) =>
        new Map((await chats.withNames(names)).map((chat) => [nameOf(chat), chat] as const)),
    }),
    /** The chat head. Undefined if Redis does not know the chat. */
    head: createGathered<ChatReference, ChatHead | undefined>({
      nameOf,
      load: (names: ChatReference[]) => new Map(names.map((name) => [nameOf(name), pending.head(name)] as const)),
    }),
    /** The last numbers of stored messages and of changes. Undefined if the chat was deleted. */
    lastNumbers: createGathered<bigint, LastNumbers>({
      nameOf: String,
      load: async (ids: bigint[]) =>
        new Map([...(await chats.lastNumbers(ids))].map(([id, position]) => [String(id), position] as const)),
    }),
  };
}
