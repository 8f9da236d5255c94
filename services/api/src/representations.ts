import type { Application, Chat, Message } from "@confab/contracts";
import type { Application as ApplicationRow, Chat as ChatRow } from "@confab/database";

/** What clients see of a row: no internal id, times in ISO 8601. */
export function toApplication({ token, name, chatsCount, createdAt, updatedAt }: ApplicationRow): Application {
  return {
    token,
    name,
    chats_count: chatsCount,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}

export function toChat(token: string, { number, name, messagesCount, createdAt, updatedAt }: ChatRow): Chat {
  return {
    application_token: token,
    number,
    name,
    messages_count: messagesCount,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}

/** What a message is read from, stored or still pending. */
export interface ReadableMessage {
  number: number;
  body: string;
  createdAt: Date;
  updatedAt: Date;
}

/** A message that is accepted and not stored yet: it has not been changed. */
export function fromRecord(number: number, { body, createdAt }: { body: string; createdAt: Date }): ReadableMessage {
  return { number, body, createdAt, updatedAt: createdAt };
}

export function toMessage(
  token: string,
  chat: number,
  { number, body, createdAt, updatedAt }: ReadableMessage,
): Message {
  return {
    application_token: token,
    chat_number: chat,
    number,
    body,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}
