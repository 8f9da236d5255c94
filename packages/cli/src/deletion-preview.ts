import { pages, type ApiClient } from "./api-client.ts";
import { counted, printable } from "./output.ts";

/** A chat or an application, with the number of things that its deletion removes. */
export interface Doomed {
  readonly name: string | null;
  /** Number of the application's chats; undefined for a chat. */
  readonly chats?: number;
  /** Number of stored messages. Pending ones are not counted. */
  readonly messages: number;
}

/** Counts the chats and messages that the deletion of an application or a chat removes. */
export async function previewDeletion(api: ApiClient, token: string, chat?: number): Promise<Doomed> {
  if (chat !== undefined) {
    const { body } = await api.call("getChat", { params: { token, chat } });
    return { name: body.name, messages: body.messages_count };
  }
  const { body } = await api.call("getApplication", { params: { token } });
  let [chats, messages] = [0, 0];
  for await (const page of pages(api, "listChats", { params: { token }, limit: Infinity })) {
    chats += page.length;
    for (const { messages_count } of page) messages += messages_count;
  }
  return { name: body.name, chats, messages };
}

/** Returns text such as `the application "Demo" with 2 chats and 17 messages`, or `chat 1 with 3 messages`. */
export function inWords(what: string, { name, chats, messages }: Doomed): string {
  const named = name === null ? what : `${what} "${printable(name)}"`;
  const parts = [...(chats === undefined ? [] : [counted(chats, "chat")]), counted(messages, "message")];
  return `${named} with ${parts.join(" and ")}`;
}
