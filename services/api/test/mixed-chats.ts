import type { Message } from "@confab/contracts";
import type { Chat, World } from "./world.ts";

export const pathOf = ({ token, number }: Chat): string => `/applications/${token}/chats/${number}/messages`;
export const numbersOf = (messages: readonly Message[]): number[] => messages.map(({ number }) => number);

/** Returns a function that creates a chat in which the marked messages are stored and the others are pending. */
export function useMixedChats(world: Pick<World, "newChat" | "accept" | "store">) {
  // Stores the messages that a run has left pending, so that the next run does not store them.
  afterEach(() => world.store());
  return async (stored: readonly boolean[]): Promise<Chat> => {
    const chat = await world.newChat();
    await world.accept(chat, ...stored.map((_, index) => `message ${index + 1}`));
    await world.store((number) => stored[number - 1] === true);
    return chat;
  };
}
