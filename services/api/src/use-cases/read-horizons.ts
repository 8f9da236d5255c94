import { ProblemError } from "@confab/contracts";
import type { Messages, Reads } from "@confab/database";
import type { LiveSignals, PendingMessages } from "@confab/intake";
import type { Logger } from "@confab/runtime";
import type { HorizonState } from "../representations.ts";
import type { ChatReference } from "./walk.ts";

export interface ReadHorizonsOptions {
  reads: Pick<Reads, "advance" | "find" | "unread">;
  messages: Pick<Messages, "lastNumber">;
  pending: Pick<PendingMessages, "lastNumber">;
  signals: Pick<LiveSignals, "send">;
}

export interface ReadHorizons {
  /** Moves a horizon forward; throws 422 above the chat's last number, or 503 if only Redis could know that number. */
  set(chat: ChatReference, reader: string, number: number, logger: Logger): Promise<HorizonState>;
  /** While Redis is unavailable, only stored messages count. */
  find(chat: ChatReference, reader: string, logger: Logger): Promise<HorizonState>;
}

/** Read horizons of a chat, with exact unread counts. */
export function createReadHorizons({ reads, messages, pending, signals }: ReadHorizonsOptions): ReadHorizons {
  /** The last number of the chat; `isKnown` is false if Redis, which may know a higher one, is unavailable. */
  async function lastNumberOf(chat: ChatReference, logger: Logger): Promise<{ last: number; isKnown: boolean }> {
    const [stored, assigned] = await Promise.all([
      messages.lastNumber(chat.id),
      pending.lastNumber(chat).then(
        (last) => last ?? 0,
        (error: unknown) => {
          logger.warn({ err: error }, "Redis is unavailable: counting without pending messages");
          return undefined;
        },
      ),
    ]);
    return { last: Math.max(stored, assigned ?? 0), isKnown: assigned !== undefined };
  }

  async function stateOf(
    { id }: ChatReference,
    { reader, number, updatedAt }: Omit<HorizonState, "unread">,
    last: number,
  ): Promise<HorizonState> {
    return { reader, number, unread: await reads.unread(id, number, last), updatedAt };
  }

  return {
    async set(chat, reader, number, logger) {
      const { last, isKnown } = await lastNumberOf(chat, logger);
      if (number > last) throw beyond(last, isKnown);
      const horizon = await reads.advance(chat.id, reader, number);
      // Not kept anywhere: a client that connects later lists the horizons.
      if (horizon.hasMoved) void signals.send(chat, { type: "read", reader, number }).catch(() => undefined);
      return stateOf(chat, horizon, last);
    },

    async find(chat, reader, logger) {
      const horizon = await reads.find(chat.id, reader);
      const { last } = await lastNumberOf(chat, logger);
      return stateOf(chat, horizon ?? { reader, number: 0, updatedAt: null }, last);
    },
  };
}

function beyond(last: number, isKnown: boolean): ProblemError {
  if (!isKnown) {
    return new ProblemError("service-unavailable", {
      detail: `Number ${last} is the last one that is stored, and Redis, which knows whether there are higher ones, is unavailable. Nothing was changed. Send the request again after Retry-After, or with a number up to ${last}.`,
    });
  }
  return new ProblemError("validation-failed", {
    errors: [{ pointer: "/number", detail: `must be at most ${last}, the last number of the chat` }],
  });
}
