import type { BatchAnswer, BatchItem } from "@confab/contracts";
import { Refused } from "../api-errors.ts";

/** A chat of the file that exists on the server and whose messages are on their way. */
export interface OpenChat {
  readonly line: number;
  readonly token: string;
  readonly number: number;
  readonly messages: readonly string[];
  /** How many of its messages are there. */
  sent: number;
  /** The number that the last of them got. */
  last: number;
}

/** The next messages of one chat: a chat is in one request at a time, and there in one piece. */
export interface Run {
  readonly chat: OpenChat;
  readonly items: readonly BatchItem[];
}

/** What became of a run. */
export interface RunOutcome {
  /** Messages that are there now, from the run's first on. */
  readonly taken: number;
  /** Why the rest is to be sent again later. */
  readonly later?: Refused;
  /** Why the chat cannot be brought there whole. */
  readonly failed?: string;
}

/** Moves the chat on by what was taken; the numbers must rise in the order of the messages. */
export function settleRun({ chat }: Run, results: BatchAnswer["results"]): RunOutcome {
  let taken = 0;
  let refused: Refused | undefined;
  for (const result of results) {
    if (!("number" in result)) {
      refused ??= Refused.fromItem(result);
      continue;
    }
    if (refused !== undefined || result.number <= chat.last) {
      const failed = `message ${chat.sent + 1} was not taken before a later one, so the order of this chat is lost`;
      return { taken, failed };
    }
    taken += 1;
    chat.sent += 1;
    chat.last = result.number;
  }
  if (refused === undefined) return { taken };
  if (refused.retryAfterMs !== undefined) return { taken, later: refused };
  return { taken, failed: `message ${chat.sent + 1}: ${refused.message}` };
}

const MAX_ITEMS = 1_000;
const MAX_BYTES = 1024 * 1024;

/** Takes runs from the front of the queue until a request is full: 1,000 messages or a mebibyte, but one at least. */
export function takeRuns(queue: OpenChat[], keyOf: (line: number, message: number) => string): Run[] {
  const runs: Run[] = [];
  let items = 0;
  let bytes = 0;
  while (queue.length > 0 && items < MAX_ITEMS && bytes < MAX_BYTES) {
    const chat = queue.shift()!;
    const run: BatchItem[] = [];
    for (let index = chat.sent; index < chat.messages.length && items < MAX_ITEMS; index++) {
      const body = chat.messages[index]!;
      const size = Buffer.byteLength(body) + 200;
      if (items > 0 && bytes + size > MAX_BYTES) break;
      items += 1;
      bytes += size;
      const idempotency_key = keyOf(chat.line, index);
      run.push({ application_token: chat.token, chat_number: chat.number, body, idempotency_key });
    }
    if (run.length === 0) {
      queue.unshift(chat);
      return runs;
    }
    runs.push({ chat, items: run });
  }
  return runs;
}
