import type { AcceptedBatch, AcceptedMessage } from "@confab/pending";
import { shortToken, traceIdOf } from "@confab/runtime";

/** Maximum number of batches, ranges, requests and traces that are listed. The counts include all of them. */
const maxListed = 32;

interface StoredRange {
  readonly application: string;
  readonly chat: number;
  readonly from: number;
  to: number;
}

/**
 * Returns the fields of a transaction's log line: counts, and the first batches, ranges of numbers, request ids and
 * trace ids.
 */
export function describeStored(
  batches: readonly Pick<AcceptedBatch, "id">[],
  messages: readonly AcceptedMessage[],
): Record<string, unknown> {
  const ranges = rangesOf(messages);
  const requests = distinct(messages, ({ requestId }) => requestId);
  const traces = distinct(messages, ({ trace }) => traceIdOf(trace));
  return {
    messages: messages.length,
    batches: batches.length,
    requests: requests.length,
    batch_ids: batches.slice(0, maxListed).map(({ id }) => id),
    ranges: ranges.slice(0, maxListed),
    request_ids: requests.slice(0, maxListed),
    ...(traces.length > 0 && { trace_ids: traces.slice(0, maxListed) }),
  };
}

/** Returns the messages as ranges of consecutive numbers per chat, in the order of the messages. */
function rangesOf(messages: readonly AcceptedMessage[]): StoredRange[] {
  const ranges: StoredRange[] = [];
  const last = new Map<string, StoredRange>();
  for (const { token, chat, number } of messages) {
    const key = `${token} ${chat}`;
    const range = last.get(key);
    if (range?.to === number - 1) {
      range.to = number;
      continue;
    }
    const begun = { application: shortToken(token), chat, from: number, to: number };
    last.set(key, begun);
    ranges.push(begun);
  }
  return ranges;
}

function distinct(
  messages: readonly AcceptedMessage[],
  valueOf: (message: AcceptedMessage) => string | undefined,
): string[] {
  return [...new Set(messages.flatMap((message) => valueOf(message) ?? []))];
}

/** Returns the fields of a log line about one message. */
export function logFieldsOf({
  token,
  chat,
  number,
  requestId,
  trace,
}: Pick<AcceptedMessage, "token" | "chat" | "number" | "requestId" | "trace">): Record<string, string | number> {
  const traceId = traceIdOf(trace);
  return {
    request_id: requestId,
    ...(traceId !== undefined && { trace_id: traceId }),
    application: shortToken(token),
    chat,
    number,
  };
}
