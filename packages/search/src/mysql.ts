import { maxPageBytes } from "@confab/contracts";
import { decodeCursor } from "./cursor.ts";
import { fold } from "./fold.ts";
import { toPage } from "./page.ts";
import { matches, parseQuery } from "./query.ts";
import { createTurns } from "./turns.ts";
import type { FoundMessage, SearchIndex } from "./search-index.ts";

/**
 * Reads a chat's messages that are not deleted, newest first, those numbered below `before` only: at most `limit` of
 * them, and fewer where their bodies would have more than `bytes` bytes together, but one at least; none means the end.
 */
export type ScanChat = (
  chatId: bigint,
  page: { before?: number; limit: number; bytes: number },
) => Promise<FoundMessage[]>;

// Messages read at once, and bytes of their bodies.
const CHUNK = { limit: 250, bytes: maxPageBytes };
/** What one search reads at the most; it then answers what it has found, and its cursor goes on from there. */
const MOST = { messages: 50_000, ms: 1_000 };

export interface MysqlIndexOptions {
  scan: ScanChat;
  /** How much one search may read before it answers with what it has. */
  most?: { messages: number; ms: number };
}

/** Search without an index, for small data: reads the chat newest first until the page is full or it has read enough. */
export function createMysqlIndex({ scan, most = MOST }: MysqlIndexOptions): SearchIndex {
  return {
    kind: "mysql",
    prepare: () => Promise.resolve(),
    index: (documents) => Promise.resolve({ indexed: documents.length, rejected: [] }),
    async search({ chatId, q, limit, cursor }) {
      const terms = parseQuery(q);
      const found: FoundMessage[] = [];
      const turns = createTurns();
      const deadline = performance.now() + most.ms;
      let before = cursor === undefined ? undefined : decodeCursor(cursor);
      for (let [read, bytes] = [0, 0]; ;) {
        const chunk = await scan(chatId, before === undefined ? CHUNK : { ...CHUNK, before });
        for (const message of chunk) {
          if (matches(fold(message.body), terms)) {
            found.push(message);
            bytes += message.body.length;
          }
          await turns.give();
        }
        before = chunk.at(-1)?.number;
        if (before === undefined || found.length > limit || bytes > maxPageBytes) break;
        read += chunk.length;
        if (read >= most.messages || performance.now() >= deadline) break;
      }
      return toPage(found, { limit, terms, rest: before });
    },
    ping: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
