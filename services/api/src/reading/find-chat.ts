import { ProblemError } from "@confab/contracts";
import type { Applications, Chat, Chats } from "@confab/database";

export interface FindChatOptions {
  readonly applications: Pick<Applications, "find">;
  readonly chats: Pick<Chats, "find">;
}

export type FindChat = (token: string, number: number) => Promise<Chat>;

/** Finds a chat. Throws the 404 for the application or for the chat. */
export function createFindChat({ applications, chats }: FindChatOptions): FindChat {
  return async (token, number) => {
    const chat = await chats.find(token, number);
    if (chat) return chat;
    if ((await applications.find(token)) === undefined) throw new ProblemError("application-not-found");
    throw new ProblemError("chat-not-found", {
      detail: `The application has no chat ${number}. Use a number that was returned when a chat was created.`,
    });
  };
}
