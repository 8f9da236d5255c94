import { contentBytes, type BatchAnswer, type BatchItem } from "@confab/contracts";
import { Refused } from "../api-errors.ts";
import type { FileMessage } from "./conversation-file.ts";
import type { ChatProgress } from "./import-state.ts";

/** A chat from the file that exists in Confab and whose messages are being sent. */
export interface OpenChat extends ChatProgress {
  readonly line: number;
  readonly token: string;
  readonly messages: readonly FileMessage[];
}

/** Consecutive messages of one chat for the next request. A chat is in only one request at a time. */
export interface Run {
  readonly chat: OpenChat;
  readonly items: readonly BatchItem[];
}

export interface RunOutcome {
  /** Number of accepted messages, counted from the first message of the run. */
  readonly accepted: number;
  /** The refusal after which the rest must be sent again later. */
  readonly temporary?: Refused;
  /** The reason why the chat cannot be imported completely. */
  readonly failed?: string;
}

/**
 * Advances the chat by the accepted messages. The chat fails if a message is refused for good, or if messages were not
 * accepted in their order.
 */
export function settleRun({ chat }: Run, results: BatchAnswer["results"]): RunOutcome {
  let accepted = 0;
  let refused: Refused | undefined;
  for (const result of results) {
    if (!("number" in result)) {
      refused ??= Refused.fromItem(result);
      continue;
    }
    if (refused !== undefined || result.number <= chat.last) {
      const failed = `message ${chat.sent + 1} was not accepted before a later one, so the messages of this chat are out of order`;
      return { accepted, failed };
    }
    accepted += 1;
    chat.sent += 1;
    chat.last = result.number;
  }
  if (refused === undefined) return { accepted };
  if (refused.retryAfterMs !== undefined) return { accepted, temporary: refused };
  return { accepted, failed: `message ${chat.sent + 1}: ${refused.message}` };
}

const maxItems = 1_000;
const maxBytes = 1024 * 1024;

/**
 * Takes runs from the front of the queue until a request is full: at most 1,000 messages or 1 MiB, but at least one
 * message.
 */
export function takeRuns(queue: OpenChat[], keyOf: (chat: OpenChat, index: number) => string): Run[] {
  const runs: Run[] = [];
  let items = 0;
  let bytes = 0;
  while (queue.length > 0 && items < maxItems && bytes < maxBytes) {
    const chat = queue.shift()!;
    const run: BatchItem[] = [];
    for (let index = chat.sent; index < chat.messages.length && items < maxItems; index++) {
      const content = chat.messages[index]!;
      const size = contentBytes(content) + 200;
      if (items > 0 && bytes + size > maxBytes) break;
      items += 1;
      bytes += size;
      const idempotency_key = keyOf(chat, index);
      run.push({ application_token: chat.token, chat_number: chat.number, ...content, idempotency_key });
    }
    if (run.length === 0) {
      queue.unshift(chat);
      return runs;
    }
    runs.push({ chat, items: run });
  }
  return runs;
}
