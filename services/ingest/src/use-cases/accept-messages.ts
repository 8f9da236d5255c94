import { createHash } from "node:crypto";
import { ProblemError, type BatchItem, type Message } from "@confab/contracts";
import type { Applications } from "@confab/database";
import type { Acceptance, Intake, PressureGauge } from "@confab/intake";

export interface AcceptMessagesOptions {
  intake: Pick<Intake, "submit">;
  applications: Pick<Applications, "find">;
  pressure: Pick<PressureGauge, "current" | "retryAfterSeconds">;
  maxPending: number;
}

export interface AcceptedMessage {
  message: Message;
  limit: Acceptance["limit"];
}

export type AcceptMessage = (item: BatchItem, requestId: string) => Promise<AcceptedMessage>;

/** Accepts one message, or throws the problem that says why not. */
export function createAcceptMessage({
  intake,
  applications,
  pressure,
  maxPending,
}: AcceptMessagesOptions): AcceptMessage {
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

  return async (item, requestId) => {
    refuseUnderPressure();
    const { application_token: token, chat_number: chat, body, idempotency_key: key } = item;
    const idempotency = key === undefined ? undefined : { key, hash: hashOf(chat, body) };
    const acceptance = await intake.submit({ token, chat, body, requestId, idempotency });
    switch (acceptance.outcome) {
      case "accepted": {
        const at = acceptance.createdAt.toISOString();
        const { number, limit } = acceptance;
        return {
          message: { application_token: token, chat_number: chat, number, body, created_at: at, updated_at: at },
          limit,
        };
      }
      case "unknown-chat":
        throw (await applications.find(token)) === undefined
          ? new ProblemError("application-not-found", { detail: "No application has this application_token." })
          : new ProblemError("chat-not-found", { detail: `The application has no chat ${chat}.` });
      case "conflict":
        throw new ProblemError("idempotency-conflict");
      case "overloaded":
        throw overloaded();
      case "limited":
        throw new ProblemError("rate-limited", {
          detail: "The application sends more messages than its limit allows.",
          retryAfterSeconds: Math.max(1, Math.ceil(acceptance.waitMs / 1000)),
        });
    }
  };
}

/** What must be the same for a key to be a repetition: the chat and the body; the application is part of the key. */
function hashOf(chat: number, body: string): string {
  return createHash("sha256").update(`${chat}\n`).update(body).digest("base64url");
}
