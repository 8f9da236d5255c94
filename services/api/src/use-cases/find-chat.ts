import { ProblemError } from "@confab/contracts";
import type { Applications, Chat, Chats } from "@confab/database";

export interface FindChatOptions {
  applications: Pick<Applications, "find">;
  chats: Pick<Chats, "find">;
}

export type FindChat = (token: string, number: number) => Promise<Chat>;

/** Finds a chat. Throws a 404 problem that says whether the application or the chat is missing. */
export function createFindChat({ applications, chats }: FindChatOptions): FindChat {
  return async (token, number) => {
    const chat = await chats.find(token, number);
    if (chat) return chat;
    if ((await applications.find(token)) === undefined) throw new ProblemError("application-not-found");
    throw new ProblemError("chat-not-found", { detail: `The application has no chat ${number}.` });
  };
}
