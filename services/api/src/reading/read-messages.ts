import { ProblemError } from "@confab/contracts";
import type { Chat, Messages, StoredChat } from "@confab/database";
import type { PendingMessages } from "@confab/pending";
import type { Logger } from "@confab/runtime";
import { fromRecord, type ReadableMessage } from "../representations.ts";
import { fitAround, rangeAround } from "./fit-around.ts";
import type { KnownNumbers } from "./continue-at.ts";
import { readAccepted } from "./read-accepted.ts";
import { readStored } from "./read-stored.ts";
import type { Around, Walk, Walked } from "./walk.ts";

export interface ReadMessagesOptions {
  readonly messages: Pick<Messages, "find" | "range" | "sizes" | "lastNumber" | "deadLettered">;
  readonly pending: Pick<PendingMessages, "read" | "head">;
}

export interface ReadMessages {
  /** One message, stored or pending; throws 404, or 503 if it is not stored and Redis is unavailable. */
  find(token: string, chat: Chat, number: number, logger: Logger): Promise<ReadableMessage>;
  /**
   * One page of a chat, at most 1 MiB of bodies. A reader that continues at its end misses no message. While Redis is
   * unavailable, the page shows stored messages up to the first number that may be pending, and is not whole.
   */
  readPage(chat: StoredChat, place: Walk | Around, logger: Logger): Promise<MessagePage>;
}

export interface MessagePage {
  /** By number, ascending. */
  readonly items: ReadableMessage[];
  /** True if the walk has more messages; false around a number. */
  readonly more: boolean;
  /** The numbers of the chat before the messages were read. */
  readonly known: KnownNumbers;
}

interface Read {
  readonly walks: Walked[];
  /** The numbers of the chat, as far as they can be known. */
  readonly known: KnownNumbers;
}

/** Redis did not answer. */
class QueueUnavailable extends Error {
  override readonly name = "QueueUnavailable";
}

/** Reads messages, stored or pending. */
export function createReadMessages({ messages, pending }: ReadMessagesOptions): ReadMessages {
  const queue: ReadMessagesOptions["pending"] = {
    read: (...args) => asked(pending.read(...args)),
    head: (...args) => asked(pending.head(...args)),
  };

  async function find(
    token: string,
    { id, number: chat }: Chat,
    number: number,
    logger: Logger,
  ): Promise<ReadableMessage> {
    // Redis first: it drops a record only after the message is in MySQL.
    const waiting = await queue.read({ token, number: chat }, [number]).catch((error: unknown) => {
      report(error, logger);
      return undefined;
    });
    const row = await messages.find(id, number);
    if (row?.deletedAt) throw new ProblemError("message-deleted");
    if (row) return row;
    const record = waiting?.messages.get(number);
    if (record) return fromRecord(number, record);
    if (!waiting) {
      throw new ProblemError("service-unavailable", {
        detail:
          "The message is not stored, and Redis, which may have it as pending, is unavailable. Send the request again after Retry-After.",
      });
    }
    throw new ProblemError("message-not-found", { detail: `The chat has no message ${number}.` });
  }

  /**
   * Reads walks of a chat and shows nothing above the last number that one of both stores named before: MySQL is asked for
   * its last number first, Redis second. Numbers are assigned in order, so every number up to that one was assigned by
   * then. Above it, MySQL may have messages by the time its rows are read while lower ones are pending, unseen.
   */
  async function read(chat: StoredChat, walksUpTo: (last: number) => Walk[], logger: Logger): Promise<Read> {
    const stored = await messages.lastNumber(chat.id);
    const readAll = async (
      last: number,
      { head, isWhole }: Pick<KnownNumbers, "head" | "isWhole">,
      readWalk: (walk: Walk) => Promise<Walked>,
    ): Promise<Read> => {
      const walks: Walked[] = [];
      for (const walk of walksUpTo(last)) walks.push(await readWalk({ ...walk, to: Math.min(walk.to, last) }));
      return { walks, known: { last, head, isWhole } };
    };
    try {
      const head = await queue.head(chat, stored);
      const last = Math.max(stored, head?.last ?? 0);
      return await readAll(last, { head, isWhole: true }, (walk) =>
        readAccepted({ messages, pending: queue }, chat, walk),
      );
    } catch (error) {
      report(error, logger);
      return readAll(stored, { head: undefined, isWhole: false }, (walk) => readStored(messages, chat, walk));
    }
  }

  async function readUpTo(chat: StoredChat, walk: Walk, logger: Logger): Promise<MessagePage> {
    const { walks, ...rest } = await read(chat, () => [walk], logger);
    const { items, more } = walks[0]!;
    return { items: walk.order === "asc" ? items : items.toReversed(), more, ...rest };
  }

  /**
   * Reads from the number upwards and from below it downwards, so that it is on the page however large its neighbours
   * are.
   */
  async function readAround(chat: StoredChat, { around, limit }: Around, logger: Logger): Promise<MessagePage> {
    const { walks, ...rest } = await read(
      chat,
      (end) => {
        const { from, to } = rangeAround(around, limit, end);
        const middle = Math.max(1, Math.min(around, to));
        return [
          { from: middle, to, order: "asc", limit },
          { from, to: middle - 1, order: "desc", limit },
        ];
      },
      logger,
    );
    const [up, down] = walks.map(({ items }) => items);
    return { items: fitAround(down!.toReversed(), up!), more: false, ...rest };
  }

  return {
    find,
    readPage: (chat, place, logger) =>
      "around" in place ? readAround(chat, place, logger) : readUpTo(chat, place, logger),
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
