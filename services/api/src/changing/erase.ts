import { ProblemError } from "@confab/contracts";
import type { Actor, Erasures, Idempotency } from "@confab/database";
import type { PendingErasure } from "@confab/pending";
import type { EndStreams } from "../stream/end-streams.ts";

export interface EraseOptions {
  readonly erasures: Pick<Erasures, "eraseApplication" | "eraseChat" | "eraseSender" | "find">;
  readonly pendingErasure: Pick<PendingErasure, "block" | "epochOf" | "beginEpoch">;
  readonly endStreams: EndStreams;
}

export interface Erase {
  /** Deletes an application. Resolves with false if no application has or had this token. */
  application(token: string, by: Actor): Promise<boolean>;
  /** Deletes a chat. Resolves with false if the application or the chat is unknown and was not deleted before. */
  chat(token: string, chat: number, by: Actor): Promise<boolean>;
  /**
   * Erases a sender. Resolves with the time until which the sender's messages are erased, and with whether the request
   * repeats an earlier one. Resolves with undefined if no application has this token.
   */
  sender(
    token: string,
    sender: string,
    request: { by: Actor; idempotency: Idempotency | undefined },
  ): Promise<{ requestedAt: Date; replayed: boolean } | undefined>;
}

/**
 * Deletes applications and chats, and erases senders. The mark in Redis follows the commit in MySQL, so that no mark
 * outlives a failed deletion. The epoch of an erasure is higher than the epoch in Redis, which is read first, because
 * MySQL may have lost epochs in which the sender wrote. Each function resolves after the commit and the mark. If Redis
 * does not confirm the mark, the function rejects with a 503: ingest may accept messages that a worker will drop. A
 * repeated request finds the deletion in the journal and sets the mark again.
 */
export function createErase({ erasures, pendingErasure, endStreams }: EraseOptions): Erase {
  async function mark(set: Promise<unknown>, recorded: string): Promise<void> {
    await set.catch((error: unknown) => {
      throw new ProblemError("service-unavailable", {
        detail: `${recorded}, but Redis did not confirm it, so messages may still be accepted as if nothing had happened. Send the same request again after Retry-After.`,
        cause: error,
      });
    });
  }

  async function markDeleted(token: string, chat?: number): Promise<true> {
    // If Redis is unavailable, each process notices the deletion within seconds.
    void endStreams({ token, ...(chat !== undefined && { number: chat }) }, "deleted").catch(() => undefined);
    const recorded = chat === undefined ? "The application is deleted" : "The chat is deleted";
    await mark(pendingErasure.block(token, chat), recorded);
    return true;
  }

  return {
    async application(token, by) {
      const erasure = (await erasures.eraseApplication(token, by)) ?? (await erasures.find(token));
      return erasure !== undefined && markDeleted(token);
    },
    async chat(token, chat, by) {
      const erasure = (await erasures.eraseChat(token, chat, by)) ?? (await erasures.find(token, chat));
      return erasure !== undefined && markDeleted(token, chat);
    },
    async sender(token, sender, { by, idempotency }) {
      const epochInRedis = await pendingErasure.epochOf(token).catch((error: unknown) => {
        throw new ProblemError("service-unavailable", {
          detail: "Redis is unavailable. Nothing was recorded. Send the same request again after Retry-After.",
          cause: error,
        });
      });
      const erasure = await erasures.eraseSender(token, sender, { by, idempotency, epochInRedis });
      if (!erasure) return undefined;
      await mark(pendingErasure.beginEpoch(token, erasure.epoch), "The erasure is recorded");
      return erasure;
    },
  };
}
