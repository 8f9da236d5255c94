import { hash } from "node:crypto";
import { contentOf, encodeOtherFields, ProblemError, type BatchItem, type Message } from "@confab/contracts";
import type { Acceptance, Intake, PressureGauge } from "@confab/intake";

export interface AcceptMessagesOptions {
  intake: Pick<Intake, "submitRun">;
  pressure: Pick<PressureGauge, "current" | "retryAfterSeconds">;
  /** Per partition. */
  maxPending: number;
  partitionOf: (token: string, chat: number) => number;
  /** The headers that tell a client how much of its limit is left. */
  limitHeaders: (limit: AcceptedMessage["limit"]) => Record<string, string>;
}

export interface AcceptedMessage {
  message: Message;
  limit: Acceptance["limit"];
}

/** The request that messages came with. */
export interface Origin {
  requestId: string;
  /** Its span as a W3C traceparent, where it is recorded. */
  traceparent?: string | undefined;
}

/** One outcome per message: accepted, or the problem that says why not. Throws where nothing is known of any. */
export type AcceptRun = (items: readonly BatchItem[], origin: Origin) => Promise<(AcceptedMessage | ProblemError)[]>;

/** Accepts messages of one chat in their order; where room ends in the middle, the rest is refused. */
export function createAcceptRun(options: AcceptMessagesOptions): AcceptRun {
  const { intake, pressure, maxPending, partitionOf, limitHeaders } = options;

  /** The script has the last word; this spares Redis the messages that it would refuse anyway. */
  function refuseUnderPressure({ application_token: token, chat_number: chat }: BatchItem): void {
    const { memory, memoryLow, pendingByPartition } = pressure.current();
    if (memoryLow) {
      const percent = Math.round(memory * 100);
      throw overloaded(`${percent} % of Redis' memory is in use: the rest is kept for storing what waits.`);
    }
    const pending = pendingByPartition[partitionOf(token, chat)] ?? 0;
    if (pending >= maxPending) throw tooManyPending(pending);
  }

  const tooManyPending = (pending: number): ProblemError => overloaded(`${pending} messages wait to be stored.`);

  function overloaded(reason: string): ProblemError {
    return new ProblemError("overloaded", {
      detail: `${reason} Nothing of this request was accepted.`,
      retryAfterSeconds: pressure.retryAfterSeconds(),
    });
  }

  return async (items, { requestId, traceparent: trace }) => {
    if (items[0]) refuseUnderPressure(items[0]);
    const acceptances = await intake.submitRun(
      items.map((item) => {
        const { application_token: token, chat_number: chat, idempotency_key: key } = item;
        const idempotency = key === undefined ? undefined : { key, hash: hashOf(item) };
        return { token, chat, ...contentOf(item), requestId, trace, idempotency };
      }),
    );
    return acceptances.map((acceptance, index) => {
      switch (acceptance.outcome) {
        case "accepted":
          return { message: messageOf(items[index]!, acceptance), limit: acceptance.limit };
        case "unknown-application":
          return new ProblemError("application-not-found", { detail: "No application has this application_token." });
        case "unknown-chat":
          return new ProblemError("chat-not-found", {
            detail: `The application has no chat ${items[index]!.chat_number}.`,
          });
        case "conflict":
          return new ProblemError("idempotency-conflict");
        case "overloaded":
          return tooManyPending(acceptance.pending);
        case "limited":
          return new ProblemError("rate-limited", {
            detail: "The application sends more messages than its limit allows.",
            retryAfterSeconds: Math.max(1, Math.ceil(acceptance.waitMs / 1000)),
            headers: limitHeaders(acceptance.limit),
          });
        case "keys-used-up":
          return new ProblemError("rate-limited", {
            detail:
              "The application has used as many new idempotency keys as its limit allows. Messages without a key, and repetitions, are still accepted.",
            retryAfterSeconds: Math.ceil(acceptance.waitMs / 1000),
          });
      }
    });
  };
}

function messageOf(item: BatchItem, { number, createdAt }: { number: number; createdAt: Date }): Message {
  const { application_token, chat_number } = item;
  const at = createdAt.toISOString();
  return { application_token, chat_number, number, ...contentOf(item), created_at: at, updated_at: at };
}

/** A repeated key must come with the same content; application and chat are part of the key. */
function hashOf(item: BatchItem): string {
  const fields = encodeOtherFields(item);
  return hash("sha256", fields === "" ? item.body : `${fields}\n${item.body}`, "base64url");
}
