import { createHash } from "node:crypto";
import type { ApiClient } from "../api-client.ts";
import type { Conversation } from "./conversation-file.ts";
import type { ImportState } from "./import-state.ts";
import type { OpenChat } from "./open-chat.ts";
import type { Patience } from "./retry.ts";

export interface OpenChatsOptions {
  readonly api: ApiClient;
  readonly state: ImportState;
  readonly keyPrefix: string;
  readonly patience: Patience;
}

/** Makes sure that a conversation's application and chat exist, each created once however often it is tried. */
export function createOpenChats({ api, state, keyPrefix, patience }: OpenChatsOptions) {
  const applications = new Map<string, Promise<string>>();

  function application(name: string): Promise<string> {
    const known = applications.get(name);
    if (known) return known;
    const idempotencyKey = `${keyPrefix}-app-${createHash("sha256").update(name).digest("hex").slice(0, 16)}`;
    const created = patience.persist(async () => {
      const { body } = await api.callOnce("createApplication", { body: { name }, idempotencyKey });
      state.applications.set(name, body.token);
      return body.token;
    });
    applications.set(name, created);
    return created;
  }

  function createChat(token: string, line: number, name: string | null): Promise<number> {
    const idempotencyKey = `${keyPrefix}-chat-${line}`;
    return patience.persist(async () => {
      const { body } = await api.callOnce("createChat", { params: { token }, body: { name }, idempotencyKey });
      return body.number;
    });
  }

  return async ({ line, application: name, chat, messages }: Conversation): Promise<OpenChat> => {
    const token = state.applications.get(name) ?? (await application(name));
    const { number, sent, last } = state.chats.get(line) ?? {
      number: await createChat(token, line, chat),
      sent: 0,
      last: 0,
    };
    return { line, token, number, messages, sent, last };
  };
}
