import { contentBytes, type BatchAnswer, type MessageContent } from "@confab/contracts";
import type { ApiClient } from "../api-client.ts";
import type { Refused } from "../api-errors.ts";
import type { Conversation } from "./conversation-file.ts";
import type { ImportState } from "./import-state.ts";
import { createLedger, type Failure } from "./ledger.ts";
import { messageKey } from "./message-key.ts";
import { createBudget } from "./memory-budget.ts";
import { settleRun, takeRuns, type OpenChat, type Run } from "./open-chat.ts";
import { createOpenChats } from "./open-chats.ts";
import { createRetry } from "./retry.ts";

export interface ImportOptions {
  readonly api: ApiClient;
  readonly conversations: AsyncGenerator<Conversation, void>;
  /** New or loaded state. The import keeps it up to date, even if it fails. */
  readonly state: ImportState;
  /** Text from which every idempotency key is made. */
  readonly keyPrefix: string;
  /** Whether requests carry a key of Confab. */
  readonly hasKey: boolean;
  /** Maximum number of requests with messages in flight. */
  readonly concurrency: number;
  /** Maximum time in ms without any success. */
  readonly timeoutMs: number;
  /** Aborts the import, which then rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

export interface ImportResult {
  readonly retries: number;
  readonly failures: readonly Failure[];
}

const maxCreations = 128;
const maxOpenChats = 2_000;
const maxOpenBytes = 32 * 1024 * 1024;

/**
 * Creates missing applications and chats, and sends the messages. Chats are numbered in the order of the file, and
 * messages in the order of their chat. Every request has an idempotency key, so that it can be repeated safely.
 */
export async function importConversations(options: ImportOptions): Promise<ImportResult> {
  const { api, conversations, state, keyPrefix, hasKey, concurrency } = options;
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, options.signal]);
  const retry = createRetry({ timeoutMs: options.timeoutMs, signal });
  const memory = createBudget({ count: maxOpenChats, size: maxOpenBytes, signal });
  const creations = createBudget({ count: maxCreations, size: Infinity, signal });
  const openChat = createOpenChats({ api, state, keyPrefix, hasKey, retry, creations, signal });
  const ledger = createLedger(state);
  const ready: OpenChat[] = [];
  let isRead = false;
  let changed = Promise.withResolvers<undefined>();
  const wake = (): void => {
    changed.resolve(undefined);
    changed = Promise.withResolvers();
  };

  async function read(): Promise<void> {
    for await (const conversation of conversations) {
      ledger.begin(conversation.line);
      await memory.acquire(sizeOf(conversation));
      if (signal.aborted) return;
      void guarded(async () => {
        const chat = await openChat(conversation);
        ledger.note(chat, 0);
        proceed(chat);
        wake();
      });
    }
    isRead = true;
    wake();
  }

  function proceed(chat: OpenChat): void {
    if (chat.sent < chat.messages.length) {
      ready.push(chat);
      return;
    }
    ledger.finish(chat);
    memory.release(sizeOf(chat));
  }

  async function send(): Promise<void> {
    for (let attempt = 1; !signal.aborted;) {
      const runs = takeRuns(ready, (chat, index) => messageKey(keyPrefix, chat, index));
      if (runs.length > 0) {
        const error = await sendRuns(runs);
        if (error === undefined) attempt = 1;
        else await retry.wait(error, attempt++);
        wake();
      } else if (isRead && memory.isUnused()) return;
      else await changed.promise;
    }
  }

  /**
   * Sends runs in one request. Returns the error that `retry.wait` must handle, if any. Messages that were not accepted
   * are then queued again, unless their chat has failed.
   */
  async function sendRuns(runs: readonly Run[]): Promise<unknown> {
    let results: BatchAnswer["results"];
    try {
      const messages = runs.flatMap(({ items }) => items);
      ({ results } = (await api.callOnce("createMessages", { body: { messages }, signal })).body);
    } catch (error) {
      ready.unshift(...runs.map(({ chat }) => chat));
      return error;
    }
    let at = 0;
    let temporary: Refused | undefined;
    for (const run of runs) {
      const outcome = settleRun(run, results.slice(at, (at += run.items.length)));
      ledger.note(run.chat, outcome.accepted);
      if (outcome.accepted > 0) retry.succeeded();
      temporary ??= outcome.temporary;
      if (outcome.failed === undefined) proceed(run.chat);
      else {
        ledger.fail(run.chat, outcome.failed);
        memory.release(sizeOf(run.chat));
      }
    }
    return temporary;
  }

  async function guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // Keeps only the first error, which is the cause. Later errors are merely a result of stopping.
      failed.abort(error);
    }
  }

  signal.addEventListener("abort", wake);
  await Promise.all([guarded(read), ...Array.from({ length: concurrency }, () => guarded(send))]);
  signal.throwIfAborted();
  return { retries: retry.retries, failures: ledger.failures };
}

function sizeOf({ messages }: { messages: readonly MessageContent[] }): number {
  return messages.reduce((total, content) => total + contentBytes(content), 0);
}
