import { createHash } from "node:crypto";
import { ProblemError, type BatchItem, type Message } from "@confab/contracts";
import type { Acceptance, Intake, PressureGauge } from "@confab/intake";

export interface AcceptMessagesOptions {
  intake: Pick<Intake, "submitRun">;
  pressure: Pick<PressureGauge, "current" | "retryAfterSeconds">;
  maxPending: number;
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

/** One message of each: accepted, or the problem that says why not. Throws where nothing is known of any. */
export type AcceptRun = (items: readonly BatchItem[], origin: Origin) => Promise<(AcceptedMessage | ProblemError)[]>;

/** Accepts messages of one chat in their order; where room ends in the middle, the rest is refused. */
export function createAcceptRun({ intake, pressure, maxPending }: AcceptMessagesOptions): AcceptRun {
  function refuseUnderPressure(): void {
    const { memoryLow, pending } = pressure.current();
    // The script has the last word; this spares Redis the messages that it would refuse anyway.
    if (memoryLow || pending >= maxPending) throw overloaded();
  }

  function overloaded(): ProblemError {
    return new ProblemError("overloaded", {
      detail: `${pressure.current().pending} messages wait to be stored. Nothing of this request was taken.`,
      retryAfterSeconds: pressure.retryAfterSeconds(),
    });
  }

  return async (items, { requestId, traceparent: trace }) => {
    refuseUnderPressure();
    const acceptances = await intake.submitRun(
      items.map(({ application_token: token, chat_number: chat, body, idempotency_key: key }) => {
        const idempotency = key === undefined ? undefined : { key, hash: hashOf(chat, body) };
        return { token, chat, body, requestId, trace, idempotency };
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
          return overloaded();
        case "limited":
          return new ProblemError("rate-limited", {
            detail: "The application sends more messages than its limit allows.",
            retryAfterSeconds: Math.max(1, Math.ceil(acceptance.waitMs / 1000)),
          });
      }
    });
  };
}

function messageOf(item: BatchItem, { number, createdAt }: { number: number; createdAt: Date }): Message {
  const { application_token, chat_number, body } = item;
  const at = createdAt.toISOString();
  return { application_token, chat_number, number, body, created_at: at, updated_at: at };
}

/** What must be the same for a key to be a repetition: the chat and the body; the application is part of the key. */
function hashOf(chat: number, body: string): string {
  return createHash("sha256").update(`${chat}\n`).update(body).digest("base64url");
}
