import { contentBytes, maxPageBytes } from "@confab/contracts";
import { decodeCursor } from "./cursor.ts";
import { fold } from "./fold.ts";
import { toPage } from "./page.ts";
import { matches, parseQuery } from "./query.ts";
import { createTurns } from "./turns.ts";
import type { FoundMessage, SearchIndex } from "./search-index.ts";

/**
 * Reads messages of a chat with numbers below `before` that are not deleted, newest first: at most `limit` messages and
 * at most `bytes` bytes of contents, but at least one message. An empty result means the end.
 */
export type ScanChat = (
  chatId: bigint,
  page: { before?: number; limit: number; bytes: number },
) => Promise<FoundMessage[]>;

// Maximum number of messages, and of bytes of their bodies, per read.
const CHUNK = { limit: 250, bytes: maxPageBytes };
/** The limits of one search. When it reaches one, it returns the hits so far, and its cursor continues from there. */
const LIMITS = { messages: 50_000, ms: 1_000 };

export interface MysqlIndexOptions {
  scan: ScanChat;
  /** How much one search may read before it returns the hits so far. */
  limits?: { messages: number; ms: number };
}

/**
 * Search without an index, for small data. Reads the chat from its newest message until the page is full or a limit is
 * reached.
 */
export function createMysqlIndex({ scan, limits = LIMITS }: MysqlIndexOptions): SearchIndex {
  return {
    kind: "mysql",
    prepare: () => Promise.resolve(false),
    index: (documents) => Promise.resolve({ indexed: documents.length, rejected: [] }),
    async search({ chatId, q, sender, limit, cursor }) {
      const terms = q === undefined ? [] : parseQuery(q);
      const found: FoundMessage[] = [];
      const turns = createTurns();
      const deadline = performance.now() + limits.ms;
      let before = cursor === undefined ? undefined : decodeCursor(cursor);
      for (let [read, bytes] = [0, 0]; ;) {
        const chunk = await scan(chatId, before === undefined ? CHUNK : { ...CHUNK, before });
        for (const message of chunk) {
          if ((sender === undefined || message.sender === sender) && matches(fold(message.body), terms)) {
            found.push(message);
            bytes += contentBytes(message);
          }
          await turns.give();
        }
        before = chunk.at(-1)?.number;
        if (before === undefined || found.length > limit || bytes > maxPageBytes) break;
        read += chunk.length;
        if (read >= limits.messages || performance.now() >= deadline) break;
      }
      return toPage(found, { limit, terms, rest: before });
    },
    ping: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
