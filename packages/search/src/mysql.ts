import { inApplication, inChat } from "./cursor.ts";
import { createBudget, findHits, rankerFor, type Limits } from "./find-hits.ts";
import { parseQuery } from "./query.ts";
import { walkChat } from "./walk-chat.ts";
import { walkChats, type StoredMessages } from "./walk-chats.ts";
import type { ChatHits, CountRequest, HitCounts, SearchIndex } from "./search-index.ts";

const searchLimits: Limits = { messages: 50_000, ms: 1_000 };

export interface MysqlIndexOptions {
  readonly messages: StoredMessages;
  /** Limits of one search. When it reaches one, it returns the hits so far. */
  readonly limits?: Limits;
}

/**
 * Creates the MySQL backend, which needs no index, for small amounts of data. It reads messages from newest to oldest
 * until the page is full, all are read, or a limit is reached.
 */
export function createMysqlIndex({ messages, limits = searchLimits }: MysqlIndexOptions): SearchIndex {
  return {
    kind: "mysql",
    prepare: () => Promise.resolve(false),
    index: (documents) => Promise.resolve({ indexed: documents.length, rejected: [] }),
    search: (request) =>
      findHits({ request, form: inChat, limits, walkFrom: (after) => walkChat(messages, request, after) }),
    searchApplication: (request) =>
      findHits({
        request,
        form: inApplication,
        limits,
        walkFrom: (after) => walkChats(messages, { ...request, after }),
      }),
    countHits: (request) => countHits(messages, limits, request),
    ping: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

async function countHits(messages: StoredMessages, limits: Limits, request: CountRequest): Promise<HitCounts> {
  const rankIn = rankerFor(request, parseQuery(request.q));
  const budget = createBudget(limits, request.signal);
  const walk = await walkChats(messages, request);
  const counts = new Map<bigint, ChatHits>();
  let next = await walk.next();
  for (let isSpent = false; next !== undefined && !isSpent; next = await walk.next()) {
    const { chatId, chatNumber } = next.message;
    const counted = counts.get(chatId) ?? { chatId, chatNumber, hits: 0 };
    if (rankIn(next.message) !== undefined) counts.set(chatId, { ...counted, hits: counted.hits + 1 });
    isSpent = await budget.isSpentBy(walk);
  }
  const chats = [...counts.values()].sort((a, b) => b.hits - a.hits || a.chatNumber - b.chatNumber);
  return { chats: chats.slice(0, request.limit), isExact: next === undefined };
}
