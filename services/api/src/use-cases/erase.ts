import type { Actor, Erasures } from "@confab/database";
import type { IntakeErasure } from "@confab/intake";
import type { EndStreams } from "../stream/end-streams.ts";
import type { Logger } from "@confab/runtime";

export interface EraseOptions {
  erasures: Pick<Erasures, "eraseApplication" | "eraseChat" | "eraseSender">;
  intake: Pick<IntakeErasure, "mark">;
  endStreams: EndStreams;
  logger: Logger;
}

export interface Erase {
  /** Resolves with false if no application has this token. */
  application(token: string, by: Actor): Promise<boolean>;
  /** Resolves with false if the application or the chat is unknown. */
  chat(token: string, chat: number, by: Actor): Promise<boolean>;
  /** Resolves with the time until which messages of the sender are erased; undefined if no application has this token. */
  sender(token: string, sender: string, by: Actor): Promise<Date | undefined>;
}

/**
 * Deletes applications and chats. The deletion is done with the commit in MySQL. The mark in Redis follows it, so that no mark can
 * outlive a deletion that failed: what ingest accepts before the mark is dropped when a worker stores it.
 */
export function createErase({ erasures, intake, endStreams, logger }: EraseOptions): Erase {
  async function mark(token: string, chat?: number): Promise<void> {
    try {
      await intake.mark(token, chat);
    } catch (error) {
      // The worker marks it, too.
      logger.warn({ err: error }, "Redis did not take the mark of a deletion: messages may be accepted until it does");
    }
    // Without Redis, each process notices it within seconds.
    void endStreams({ token, ...(chat !== undefined && { number: chat }) }, "deleted").catch(() => undefined);
  }

  return {
    async application(token, by) {
      if (!(await erasures.eraseApplication(token, by))) return false;
      await mark(token);
      return true;
    },
    async chat(token, chat, by) {
      if (!(await erasures.eraseChat(token, chat, by))) return false;
      await mark(token, chat);
      return true;
    },
    sender: async (token, sender, by) => (await erasures.eraseSender(token, sender, by))?.requestedAt,
  };
}
