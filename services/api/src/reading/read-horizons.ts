import { maxNumber, ProblemError } from "@confab/contracts";
import type { Messages, Horizons, StoredChat } from "@confab/database";
import type { LiveSignals, PendingMessages } from "@confab/pending";
import type { InShare } from "@confab/http";
import type { Logger } from "@confab/runtime";
import type { HorizonState } from "../representations.ts";
import type { ContinueAt, KnownNumbers } from "./continue-at.ts";
import { positionReset } from "./list-messages.ts";

export interface ReadHorizonsOptions {
  readonly horizons: Pick<Horizons, "advance" | "find" | "unread">;
  readonly messages: Pick<Messages, "lastNumber">;
  readonly pending: Pick<PendingMessages, "head">;
  readonly signals: Pick<LiveSignals, "send">;
  readonly continueAt: ContinueAt;
  /** The later numbering for which MySQL has refused a horizon; undefined if this was not the reason. */
  readonly laterNumbering: (error: unknown) => number | undefined;
}

/** Who sends the request. */
export interface Requester {
  readonly logger: Logger;
  /** Runs the writing and the counting. */
  readonly inShare: InShare;
}

export interface ReadHorizons {
  /**
   * Moves a horizon forward; throws 409 above the chat's last number or if the message is lost, or 503 if only Redis could know that
   * number. `lastNumbering` is that of the chat before the call.
   */
  set(
    chat: StoredChat & { lastNumbering: number },
    reader: string,
    number: number,
    by: Requester,
  ): Promise<HorizonState>;
  /** While Redis is unavailable, only stored messages count. */
  find(chat: StoredChat, reader: string, by: Requester): Promise<HorizonState>;
}

/** Creates read horizons of a chat, with exact unread counts. */
export function createReadHorizons(options: ReadHorizonsOptions): ReadHorizons {
  const { horizons, messages, pending, signals, continueAt, laterNumbering } = options;

  async function numbersOf(chat: StoredChat, logger: Logger): Promise<KnownNumbers> {
    const [stored, { head, isWhole }] = await Promise.all([
      messages.lastNumber(chat.id),
      pending.head(chat).then(
        (found) => ({ head: found, isWhole: true }),
        (error: unknown) => {
          logger.warn({ err: error }, "Redis is unavailable: counting without pending messages");
          return { head: undefined, isWhole: false };
        },
      ),
    ]);
    return { last: Math.max(stored, head?.last ?? 0), head, isWhole };
  }

  async function stateOf(
    { id }: StoredChat,
    { reader, number, updatedAt }: Omit<HorizonState, "unread">,
    last: number,
    inShare: InShare,
  ): Promise<HorizonState> {
    return { reader, number, unread: await inShare(() => horizons.unread(id, number, last)), updatedAt };
  }

  return {
    async set(chat, reader, number, { logger, inShare }) {
      let at = { number, numbering: 0 };
      let latest = chat.lastNumbering;
      for (;;) {
        const known = await numbersOf(chat, logger);
        const { last, head, isWhole } = known;
        if (number > last && !isWhole) throw unknownBeyond(last);
        if (number > last || at.numbering !== 0) {
          const to = await continueAt(chat, at, known);
          if (to.number < number) throw positionReset(number, to.number, last);
        }
        // MySQL may know a later numbering than a chat head that Redis has from before.
        const numbering = Math.max(latest, head?.numbering ?? 0);
        const since = numbering === head?.numbering ? head.since : maxNumber;
        const horizon = await inShare(() =>
          horizons.advance(chat.id, reader, number, { numbering, since }).catch((error: unknown) => {
            const later = laterNumbering(error);
            if (later === undefined) throw error;
            return later;
          }),
        );
        // Not kept anywhere: a client that connects later lists the horizons.
        if (!horizon) throw new ProblemError("chat-not-found");
        if (typeof horizon === "number") {
          // Messages may have been lost meanwhile.
          at = { number, numbering };
          latest = horizon;
          continue;
        }
        if (horizon.hasMoved) void signals.send(chat, { type: "read", reader, number }).catch(() => undefined);
        return stateOf(chat, horizon, last, inShare);
      }
    },

    async find(chat, reader, { logger, inShare }) {
      const horizon = await horizons.find(chat.id, reader);
      const { last } = await numbersOf(chat, logger);
      return stateOf(chat, horizon ?? { reader, number: 0, updatedAt: null }, last, inShare);
    },
  };
}

function unknownBeyond(last: number): ProblemError {
  return new ProblemError("service-unavailable", {
    detail: `Number ${last} is the last one that is stored, and Redis, which knows whether there are higher ones, is unavailable. Nothing was changed. Send the request again after Retry-After, or with a number up to ${last}.`,
  });
}
