import { ProblemError, type MessagesQuery, type PageLinks } from "@confab/contracts";
import type { Chat, Messages } from "@confab/database";
import type { PendingMessages } from "@confab/intake";
import type { Logger } from "@confab/runtime";
import { fromRecord, type ReadableMessage } from "../representations.ts";
import { readAccepted } from "./read-accepted.ts";
import { readStored } from "./read-stored.ts";
import type { ChatReference, Walk, Walked } from "./walk.ts";

export interface ReadMessagesOptions {
  messages: Pick<Messages, "find" | "range" | "sizes" | "lastNumber" | "deadLettered">;
  pending: PendingMessages;
}

export interface ReadMessages {
  /** One message, pending or stored. Throws 404, or 503 if the message is not stored and Redis is unavailable. */
  find(token: string, chat: Chat, number: number, logger: Logger): Promise<ReadableMessage>;
  /**
   * One page of a chat with at most 1 MiB of bodies. A reader who continues from its end misses no message. While Redis
   * is unavailable, the page has only stored messages, up to the first number that may be pending.
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

/** Reads accepted messages, pending or stored. */
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
        detail:
          "The message is not stored, and it may be pending. Pending messages cannot be read at the moment. Retry later.",
      });
    }
    throw new ProblemError("message-not-found", { detail: `The chat has no message ${number}.` });
  }

  /**
   * Reads only up to the last number that either store returned before the page is read. Reads the last number of MySQL
   * first and of Redis second. Numbers are assigned in order, so all numbers up to this one are already assigned. Rows
   * above it may appear in MySQL before they are read, while lower numbers are still pending and not seen.
   */
  async function walkUpTo(reference: ChatReference, walk: Walk, logger: Logger): Promise<Walked & { last: number }> {
    const stored = await messages.lastNumber(reference.id);
    try {
      const last = Math.max(stored, (await queue.lastNumber(reference)) ?? 0);
      const walked = await readAccepted({ messages, pending: queue }, reference, {
        ...walk,
        to: Math.min(walk.to, last),
      });
      return { ...walked, last };
    } catch (error) {
      report(error, logger);
      const walked = await readStored(messages, reference, { ...walk, to: Math.min(walk.to, stored) });
      return { ...walked, last: stored };
    }
  }

  return {
    find,
    async list(token, chat, { limit, after, before, order }, logger) {
      const reference = { token, number: chat.number, id: chat.id };
      const walk: Walk = {
        from: (after ?? 0) + 1,
        to: (before ?? Infinity) - 1,
        // The walk begins at the given end. If neither or both are given, it begins at the beginning of the order.
        order: (after === undefined) === (before === undefined) ? order : after === undefined ? "desc" : "asc",
        limit,
      };
      const { items, more, last } = await walkUpTo(reference, walk, logger);
      const numbers = items.map(({ number }) => number);
      const [lowest, highest] = [Math.min(...numbers), Math.max(...numbers)];
      if (numbers.length === 0) return { items, link: {} };

      const isUp = walk.order === "asc";
      const isMoreAbove = isUp ? more : before !== undefined && highest < last;
      const isMoreBelow = isUp ? after !== undefined && lowest > 1 : more;
      // A link in the other direction drops the other end of the query.
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
    // If a page left such a message out, a reader who continues from its end would never see it.
    if (error instanceof Error && error.name === "UnknownRecordFormat") {
      throw new ProblemError("service-unavailable", {
        detail:
          "A newer version of Confab accepted some of these messages. They are readable once they are stored. Retry later.",
      });
    }
    throw new QueueUnavailable("Redis did not answer", { cause: error });
  }
}

/** Logs that Redis did not answer. Rethrows every other error. */
function report(error: unknown, logger: Logger): void {
  if (!(error instanceof QueueUnavailable)) throw error;
  logger.warn({ err: error.cause }, "Redis is unavailable: reading without pending messages");
}
