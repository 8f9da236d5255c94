import { inApplication, inChat } from "./cursor.ts";
import { findHits, type Limits } from "./find-hits.ts";
import { walkChat } from "./walk-chat.ts";
import { walkChats, type StoredMessages } from "./walk-chats.ts";
import type { SearchIndex } from "./search-index.ts";

const LIMITS: Limits = { messages: 50_000, ms: 1_000 };

export interface MysqlIndexOptions {
  messages: StoredMessages;
  /** How much one search may read before it returns what it has found so far. */
  limits?: Limits;
}

/**
 * Search without an index, for small data. Reads messages from the newest one on until the page is full, all are read, or a limit
 * is reached.
 */
export function createMysqlIndex({ messages, limits = LIMITS }: MysqlIndexOptions): SearchIndex {
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
    ping: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
