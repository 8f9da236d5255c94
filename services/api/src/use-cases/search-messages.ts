import { ProblemError } from "@confab/contracts";
import type { Messages } from "@confab/database";
import type { SearchIndex, SearchPage, SearchRequest } from "@confab/search";

export interface SearchMessagesOptions {
  search: Pick<SearchIndex, "search">;
  messages: Pick<Messages, "uids">;
  /** The backend that this process searches, and the one that the messages are indexed for. */
  backend: { own: string; read: () => Promise<string | undefined> };
}

export type SearchMessages = (chatId: bigint, request: Omit<SearchRequest, "chatId">) => Promise<SearchPage>;

/**
 * Searches a chat and shows only what MySQL holds. The index may know more: messages that MySQL lost in a failover, under the
 * id of a chat that is another application's by now.
 */
export function createSearchMessages({ search, messages, backend }: SearchMessagesOptions): SearchMessages {
  return async (chatId, request) => {
    const [{ hits, ...page }, indexedFor] = await Promise.all([search.search({ chatId, ...request }), backend.read()]);
    // MySQL itself always has everything.
    if (backend.own !== "mysql" && indexedFor !== undefined && indexedFor !== backend.own) {
      throw new ProblemError("search-unavailable", {
        detail: "The messages are indexed for another search backend than the one that the api searches.",
      });
    }
    const uids = await messages.uids(
      chatId,
      hits.map(({ number }) => number),
    );
    return { hits: hits.filter(({ number, uid }) => isSame(uids.get(number), uid)), ...page };
  };
}

function isSame(stored: Uint8Array | undefined, found: Uint8Array): boolean {
  return stored !== undefined && Buffer.compare(stored, found) === 0;
}
