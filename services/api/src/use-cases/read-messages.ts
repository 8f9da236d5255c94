import { ProblemError, type MessagesQuery, type PageLinks } from "@confab/contracts";
import type { Chat, Messages } from "@confab/database";
import type { PendingMessages } from "@confab/intake";
import type { Logger } from "@confab/runtime";
import { fromRecord, type ReadableMessage } from "../representations.ts";
import { readAccepted } from "./read-accepted.ts";
import { readStored } from "./read-stored.ts";
import type { Place, Walk, Walked } from "./walk.ts";

export interface ReadMessagesOptions {
  messages: Pick<Messages, "find" | "range" | "sizes" | "lastNumber" | "deadLettered">;
  pending: PendingMessages;
}

export interface ReadMessages {
  /** One message, stored or not yet; throws 404, or 503 where Redis would have to be asked and is unavailable. */
  find(token: string, chat: Chat, number: number, logger: Logger): Promise<ReadableMessage>;
  /**
   * One page of a chat, at most 1 MiB of bodies. Whoever goes on from its end misses nothing. While Redis is unavailable
   * it is what is stored, up to the first number that may be pending.
   */
  list(
    token: string,
    chat: Chat,
    query: MessagesQuery,
    logger: Logger,
  ): Promise<{ items: ReadableMessage[]; link: PageLinks }>;
}

/** Redis did not answer. */
class QueueUnavailable extends Error {
  override readonly name = "QueueUnavailable";
}

/** Reads what is accepted, stored or not. */
export function createReadMessages({ messages, pending }: ReadMessagesOptions): ReadMessages {
  const queue: PendingMessages = {
    read: (...args) => asked(pending.read(...args)),
    lastNumber: (...args) => asked(pending.lastNumber(...args)),
  };

  async function find(
    token: string,
    { id, number: chat }: Chat,
    number: number,
    logger: Logger,
  ): Promise<ReadableMessage> {
    // Redis first: a record leaves it only after its message is in MySQL.
    const waiting = await queue.read({ token, number: chat }, [number]).catch((error: unknown) => {
      report(error, logger);
      return undefined;
    });
    const row = await messages.find(id, number);
    if (row) return row;
    const record = waiting?.messages.get(number);
    if (record) return fromRecord(number, record);
    if (!waiting) {
      throw new ProblemError("service-unavailable", {
        detail: "The message is not stored. Whether it is accepted cannot be told while the queue cannot be reached.",
      });
    }
    throw new ProblemError("message-not-found", { detail: `The chat has no message ${number}.` });
  }

  /**
   * Shows nothing above the last number that one of both stores named before the page is read: MySQL is asked for its
   * last number first, Redis second. Numbers are given out in order, so all up to that one were given out by then. Above
   * it MySQL may have some by the time its rows are read while lower ones are pending, unseen.
   */
  async function walkUpTo(place: Place, walk: Walk, logger: Logger): Promise<Walked & { last: number }> {
    const stored = await messages.lastNumber(place.id);
    try {
      const last = Math.max(stored, (await queue.lastNumber(place)) ?? 0);
      const walked = await readAccepted({ messages, pending: queue }, place, { ...walk, to: Math.min(walk.to, last) });
      return { ...walked, last };
    } catch (error) {
      report(error, logger);
      const walked = await readStored(messages, place, { ...walk, to: Math.min(walk.to, stored) });
      return { ...walked, last: stored };
    }
  }

  return {
    find,
    async list(token, chat, { limit, after, before, order }, logger) {
      const place = { token, number: chat.number, id: chat.id };
      const walk: Walk = {
        from: (after ?? 0) + 1,
        to: (before ?? Infinity) - 1,
        // From the place that is named; from the beginning of the order where none or both are.
        order: (after === undefined) === (before === undefined) ? order : after === undefined ? "desc" : "asc",
        limit,
      };
      const { items, more, last } = await walkUpTo(place, walk, logger);
      const numbers = items.map(({ number }) => number);
      const [lowest, highest] = [Math.min(...numbers), Math.max(...numbers)];
      if (numbers.length === 0) return { items, link: {} };

      const isUp = walk.order === "asc";
      const isMoreAbove = isUp ? more : before !== undefined && highest < last;
      const isMoreBelow = isUp ? after !== undefined && lowest > 1 : more;
      // Who turns back leaves the other end of the query behind.
      const above = isMoreAbove ? { after: highest, ...(isUp ? {} : { before: undefined }) } : undefined;
      const below = isMoreBelow ? { before: lowest, ...(isUp ? { after: undefined } : {}) } : undefined;
      return order === "asc"
        ? { items: isUp ? items : items.toReversed(), link: { next: above, prev: below } }
        : { items: isUp ? items.toReversed() : items, link: { next: below, prev: above } };
    },
  };
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    // A list that left such a message out would lose it for a reader who goes on from its end.
    if (error instanceof Error && error.name === "UnknownRecordFormat") {
      throw new ProblemError("service-unavailable", {
        detail:
          "A newer version of Confab accepted some of these messages. Retry: they are readable once they are stored.",
      });
    }
    throw new QueueUnavailable("Redis did not answer", { cause: error });
  }
}

/** Logs that Redis did not answer; every other error is thrown again. */
function report(error: unknown, logger: Logger): void {
  if (!(error instanceof QueueUnavailable)) throw error;
  logger.warn({ err: error.cause }, "reading without Redis: messages that are not stored yet are missing");
}
