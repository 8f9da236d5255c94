import { decodeCursor } from "./cursor.ts";
import { fold } from "./fold.ts";
import { toPage } from "./page.ts";
import type { StoredMessage } from "./page.ts";
import { matches, parseQuery } from "./query.ts";
import type { SearchIndex } from "./search-index.ts";

/** Reads a chat's messages that are not deleted, newest first, those numbered below `before` only; fewer than `limit` means the end. */
export type ScanChat = (chatId: bigint, page: { before?: number; limit: number }) => Promise<StoredMessage[]>;

// Bodies can be 64 KiB, so a chunk is at most 16 MiB of them.
const CHUNK = 250;

/** Search without an index, for small data: reads the chat newest first until the page is full. */
export function createMysqlIndex({ scan }: { scan: ScanChat }): SearchIndex {
  return {
    kind: "mysql",
    prepare: () => Promise.resolve(),
    index: (documents) => Promise.resolve({ indexed: documents.length, rejected: [] }),
    async search({ chatId, q, limit, cursor }) {
      const terms = parseQuery(q);
      const found: StoredMessage[] = [];
      let before = cursor === undefined ? undefined : decodeCursor(cursor);
      while (found.length <= limit) {
        const chunk = await scan(chatId, before === undefined ? { limit: CHUNK } : { before, limit: CHUNK });
        found.push(...chunk.filter(({ body }) => matches(fold(body), terms)));
        before = chunk.at(-1)?.number;
        if (chunk.length < CHUNK) break;
      }
      return toPage(found, limit, terms);
    },
    ping: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
