import { ProblemError, type MessagesQuery, type PageLinks } from "@confab/contracts";
import type { Chat, Messages } from "@confab/database";
import type { PendingMessages, PendingRecord } from "@confab/intake";
import type { Logger } from "@confab/runtime";
import type { ReadableMessage } from "../representations.ts";
import { pageBefore } from "./page-before.ts";

export interface ReadMessagesOptions {
  messages: Pick<Messages, "find" | "range">;
  pending: PendingMessages;
}

export interface ReadMessages {
  /** One message, stored or not yet; throws 404, or 503 where Redis would have to be asked and is away. */
  find(token: string, chat: Chat, number: number, logger: Logger): Promise<ReadableMessage>;
  /** One page of a chat; while Redis is away, what is stored. */
  list(
    token: string,
    chat: Chat,
    query: MessagesQuery,
    logger: Logger,
  ): Promise<{ items: ReadableMessage[]; link: PageLinks }>;
}

const widestWindow = 1000;

/**
 * Reads what is accepted, stored or not. Redis is always asked first: a message leaves Redis only after it is in the
 * database, so that asked in this order none is missed.
 */
export function createReadMessages({ messages, pending }: ReadMessagesOptions): ReadMessages {
  async function unlessAway<T>(asked: Promise<T>, logger: Logger): Promise<T | undefined> {
    try {
      return await asked;
    } catch (error) {
      logger.warn({ err: error }, "reading without Redis: messages that are not stored yet are missing");
      return undefined;
    }
  }

  async function find(
    token: string,
    { id, number: chat }: Chat,
    number: number,
    logger: Logger,
  ): Promise<ReadableMessage> {
    const waiting = await unlessAway(pending.read({ token, number: chat }, [number]), logger);
    const record = waiting?.messages.get(number);
    if (record) return fromRecord(number, record);
    const row = await messages.find(id, number);
    if (row) return row;
    if (!waiting) {
      throw new ProblemError("service-unavailable", {
        detail: "The message is not stored. Whether it is accepted cannot be told while the queue cannot be reached.",
      });
    }
    throw new ProblemError("message-not-found", { detail: `The chat has no message ${number}.` });
  }

  /** Up to `limit` messages numbered `from` and more, at most `to`. */
  async function ascending(
    token: string,
    chat: Chat,
    from: number,
    to: number,
    limit: number,
    logger: Logger,
  ): Promise<ReadableMessage[]> {
    const found: ReadableMessage[] = [];
    for (let size = limit; from <= to && found.length < limit; size = Math.min(size * 2, widestWindow)) {
      const end = Math.min(to, from + size - 1);
      const place = { token, number: chat.number, id: chat.id };
      const waiting = await unlessAway(pending.read(place, numbersBetween(from, end)), logger);
      const rows = await messages.range(chat.id, { from, to, order: "asc", limit: size });
      // Beyond the window the database is not the whole truth while Redis has numbers there.
      const more = waiting?.lastNumber !== undefined && waiting.lastNumber > end;
      found.push(...merge(rows, waiting?.messages).filter(({ number }) => !more || number <= end));
      if (!more) break;
      from = end + 1;
    }
    return found.slice(0, limit);
  }

  /** Up to `limit` messages numbered `to` and less, at least `from`, the highest first. */
  async function descending(
    token: string,
    chat: Chat,
    from: number,
    to: number,
    limit: number,
    logger: Logger,
  ): Promise<ReadableMessage[]> {
    const place = { token, number: chat.number, id: chat.id };
    const last = await unlessAway(pending.lastNumber(place), logger);
    const found: ReadableMessage[] = [];
    // Where Redis knows of no number, everything is in the database.
    let top = Math.min(to, last ?? 0);
    for (let size = limit; found.length < limit; size = Math.min(size * 2, widestWindow)) {
      const start = Math.max(from, top - size + 1);
      const asked = top < from ? undefined : await unlessAway(pending.read(place, numbersBetween(start, top)), logger);
      const rows = await messages.range(chat.id, { from, to, order: "desc", limit: size });
      const more = asked !== undefined && start > from;
      found.push(
        ...merge(rows, asked?.messages)
          .reverse()
          .filter(({ number }) => !more || number >= start),
      );
      if (!more) break;
      to = top = start - 1;
    }
    return found.slice(0, limit);
  }

  async function lastNumber(token: string, { id, number }: Chat, logger: Logger): Promise<number> {
    const last = await unlessAway(pending.lastNumber({ token, number }), logger);
    if (last !== undefined) return last;
    const [highest] = await messages.range(id, { order: "desc", limit: 1 });
    return highest?.number ?? 0;
  }

  return {
    find,
    async list(token, chat, { limit, after, before, order }, logger) {
      const from = (after ?? 0) + 1;
      const to = before === undefined ? Number.MAX_SAFE_INTEGER : before - 1;
      const read = order === "asc" ? ascending : descending;
      const found = to < from ? [] : await read(token, chat, from, to, limit + 1, logger);
      const items = found.slice(0, limit);
      const [first, last] = [items[0]?.number, items.at(-1)?.number];
      if (first === undefined || last === undefined) return { items, link: {} };
      const more = found.length > limit;
      if (order === "asc") {
        const prev = after === undefined ? undefined : pageBefore(first, limit);
        return { items, link: { next: more ? { after: last } : undefined, prev } };
      }
      const prev = before === undefined ? undefined : pageAbove(first, await lastNumber(token, chat, logger), limit);
      return { items, link: { next: more ? { before: last } : undefined, prev } };
    },
  };
}

/** Stored rows win over pending records of the same number: they are the same message. */
function merge(rows: readonly ReadableMessage[], records: Map<number, PendingRecord> | undefined): ReadableMessage[] {
  const byNumber = new Map<number, ReadableMessage>();
  for (const [number, record] of records ?? []) byNumber.set(number, fromRecord(number, record));
  for (const row of rows) byNumber.set(row.number, row);
  return [...byNumber.values()].sort((a, b) => a.number - b.number);
}

function fromRecord(number: number, { body, createdAt }: PendingRecord): ReadableMessage {
  return { number, body, createdAt, updatedAt: createdAt };
}

/** As `pageBefore` for a descending list, whose page before holds the higher numbers. */
function pageAbove(first: number, last: number, limit: number): { before: number; limit?: number } | undefined {
  if (last <= first) return undefined;
  return last - first >= limit ? { before: first + limit + 1 } : { before: last + 1, limit: last - first };
}

function numbersBetween(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, offset) => from + offset);
}
