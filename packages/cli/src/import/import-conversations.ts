import type { BatchAnswer } from "@confab/contracts";
import type { ApiClient } from "../api-client.ts";
import type { Refused } from "../api-errors.ts";
import type { Conversation } from "./conversation-file.ts";
import type { ImportState } from "./import-state.ts";
import { createLedger, type Failure } from "./ledger.ts";
import { settleRun, takeRuns, type OpenChat, type Run } from "./open-chat.ts";
import { createOpenChats } from "./open-chats.ts";
import { createPatience } from "./retry.ts";
import { createRoom } from "./memory-budget.ts";

export interface ImportOptions {
  readonly api: ApiClient;
  readonly conversations: AsyncGenerator<Conversation, void>;
  /** Begun anew or loaded; it is kept true as the import goes on, whatever becomes of it. */
  readonly state: ImportState;
  /** What every idempotency key begins with. */
  readonly keyPrefix: string;
  /** Requests with messages in flight. */
  readonly concurrency: number;
  /** How long nothing may succeed before it is given up. */
  readonly patienceMs: number;
}

export interface ImportResult {
  readonly retries: number;
  readonly failures: readonly Failure[];
}

// The api creates the chats of one moment in one transaction: many at once cost little more than one.
const CHATS_AT_ONCE = 128;
const MOST_OPEN_CHATS = 2_000;
const MOST_OPEN_CHARACTERS = 32 * 1024 * 1024;

/** Creates what is missing and sends the messages, those of a chat in their order; all of it can be repeated safely. */
export async function importConversations(options: ImportOptions): Promise<ImportResult> {
  const { api, conversations, state, keyPrefix, concurrency } = options;
  const stop = new AbortController();
  const { signal } = stop;
  const patience = createPatience({ limitMs: options.patienceMs, signal });
  const room = createRoom({ count: MOST_OPEN_CHATS, size: MOST_OPEN_CHARACTERS, signal });
  const openChat = createOpenChats({ api, state, keyPrefix, patience });
  const ledger = createLedger(state);
  const ready: OpenChat[] = [];
  let creators = CHATS_AT_ONCE;
  let changed = Promise.withResolvers<undefined>();
  const wake = (): void => {
    changed.resolve(undefined);
    changed = Promise.withResolvers();
  };

  async function create(): Promise<void> {
    while (!signal.aborted) {
      const { value, done } = await conversations.next();
      if (done === true) break;
      ledger.begin(value.line);
      await room.enter(sizeOf(value));
      const chat = await openChat(value);
      ledger.note(chat, 0);
      goOn(chat);
      wake();
    }
    creators -= 1;
    wake();
  }

  function goOn(chat: OpenChat): void {
    if (chat.sent < chat.messages.length) {
      ready.push(chat);
      return;
    }
    ledger.finish(chat);
    room.leave(sizeOf(chat));
  }

  async function send(): Promise<void> {
    for (let attempt = 1; !signal.aborted;) {
      const runs = takeRuns(ready, (line, message) => `${keyPrefix}-${line}-${message}`);
      if (runs.length > 0) {
        const trouble = await sendRuns(runs);
        if (trouble === undefined) attempt = 1;
        else await patience.wait(trouble, attempt++);
        wake();
      } else if (creators === 0 && room.isEmpty()) return;
      else await changed.promise;
    }
  }

  /** Answers what asks for a pause; what was not taken is ready to be sent again. */
  async function sendRuns(runs: readonly Run[]): Promise<unknown> {
    let results: BatchAnswer["results"];
    try {
      const messages = runs.flatMap(({ items }) => items);
      ({ results } = (await api.callOnce("createMessages", { body: { messages } })).body);
    } catch (error) {
      ready.unshift(...runs.map(({ chat }) => chat));
      return error;
    }
    let at = 0;
    let trouble: Refused | undefined;
    for (const run of runs) {
      const { taken, later, failed } = settleRun(run, results.slice(at, (at += run.items.length)));
      ledger.note(run.chat, taken);
      if (taken > 0) patience.succeeded();
      trouble ??= later;
      if (failed === undefined) goOn(run.chat);
      else {
        ledger.fail(run.chat, failed);
        room.leave(sizeOf(run.chat));
      }
    }
    return trouble;
  }

  async function guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // The first error is the one to tell; those that follow are of the stopping itself.
      stop.abort(error);
      wake();
    }
  }

  await Promise.all([
    ...Array.from({ length: CHATS_AT_ONCE }, () => guarded(create)),
    ...Array.from({ length: concurrency }, () => guarded(send)),
  ]);
  if (signal.aborted) throw signal.reason;
  return { retries: patience.retries, failures: ledger.failures };
}

function sizeOf({ messages }: { messages: readonly string[] }): number {
  return messages.reduce((total, body) => total + body.length, 0);
}
