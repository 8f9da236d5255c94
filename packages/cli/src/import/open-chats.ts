import { createHash } from "node:crypto";
import type { ApiClient } from "../api-client.ts";
import { applicationKey, type Conversation } from "./conversation-file.ts";
import type { ChatProgress, ImportState } from "./import-state.ts";
import type { Budget } from "./memory-budget.ts";
import type { OpenChat } from "./open-chat.ts";
import type { Retry } from "./retry.ts";
import { uuidFrom } from "./uuid.ts";

export interface OpenChatsOptions {
  readonly api: ApiClient;
  readonly state: ImportState;
  readonly keyPrefix: string;
  /**
   * Whether requests carry a key of Confab. Without one, anybody who knows the idempotency key of an application
   * receives its token.
   */
  readonly hasKey: boolean;
  readonly retry: Retry;
  /** Limits how many requests create something at the same time. */
  readonly creations: Budget;
  readonly signal: AbortSignal;
}

/**
 * Ensures that the application and the chat of a conversation exist. Each is created only once, even after retries. The
 * chats of an application are created one after another, in the order of the calls, so that their numbers follow the
 * file.
 */
export function createOpenChats({ api, state, keyPrefix, hasKey, retry, creations, signal }: OpenChatsOptions) {
  const applications = new Map<string, Promise<string>>();
  const lastChats = new Map<string, Promise<OpenChat>>();

  const create = <T>(work: () => Promise<T>): Promise<T> =>
    retry.untilDone(async () => {
      await creations.acquire(1);
      try {
        return await work();
      } finally {
        creations.release(1);
      }
    });

  function applicationToken(key: string, name: string): Promise<string> {
    const known = applications.get(key);
    if (known) return known;
    const idempotencyKey = uuidOf([keyPrefix, hasKey ? "" : state.secret, key]);
    const token = create(async () => {
      const { body } = await api.callOnce("createApplication", { body: { name }, idempotencyKey, signal });
      state.applications.set(key, body.token);
      return body.token;
    });
    applications.set(key, token);
    return token;
  }

  function createChat(token: string, { line, chat: name, metadata }: Conversation): Promise<ChatProgress> {
    const options = {
      params: { token },
      body: { name, metadata },
      idempotencyKey: `${keyPrefix}-chat-${line}`,
      signal,
    };
    return create(async () => {
      const { number, created_at } = (await api.callOnce("createChat", options)).body;
      return { number, createdMs: Date.parse(created_at), sent: 0, last: 0 };
    });
  }

  async function open(conversation: Conversation): Promise<OpenChat> {
    const { line, application, messages } = conversation;
    const key = applicationKey(conversation);
    const token = state.applications.get(key) ?? (await applicationToken(key, application));
    const known = state.chats.get(line) ?? (await createChat(token, conversation));
    return { line, token, messages, ...known };
  }

  return (conversation: Conversation): Promise<OpenChat> => {
    const key = applicationKey(conversation);
    const previous = lastChats.get(key);
    const opened = previous === undefined ? open(conversation) : previous.then(() => open(conversation));
    lastChats.set(key, opened);
    return opened;
  };
}

/**
 * Returns a UUID that depends only on the texts. It has the form of a random UUID (version 4), which Confab requires
 * where it has no admin key.
 */
function uuidOf(texts: readonly string[]): string {
  return uuidFrom(createHash("sha256").update(texts.join("\n")).digest(), 4);
}
