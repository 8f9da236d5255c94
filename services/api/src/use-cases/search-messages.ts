import { ProblemError } from "@confab/contracts";
import type { Messages } from "@confab/database";
import type { SearchIndex, SearchPage, SearchRequest } from "@confab/search";

export interface SearchMessagesOptions {
  search: Pick<SearchIndex, "search">;
  messages: Pick<Messages, "uids">;
  /** The backend of this process, and the one for which the messages are indexed. */
  backend: { own: string; read: () => Promise<string | undefined> };
}

export type SearchMessages = (chatId: bigint, request: Omit<SearchRequest, "chatId">) => Promise<SearchPage>;

/**
 * Searches a chat and shows only messages that MySQL has. The index may have more: messages that MySQL lost in a failover,
 * under the id of a chat that belongs to another application by now.
 */
export function createSearchMessages({ search, messages, backend }: SearchMessagesOptions): SearchMessages {
  return async (chatId, request) => {
    const [{ hits, ...page }, indexedFor] = await Promise.all([search.search({ chatId, ...request }), backend.read()]);
    // MySQL itself always has all messages.
    if (backend.own !== "mysql" && indexedFor !== undefined && indexedFor !== backend.own) {
      throw new ProblemError("search-unavailable", {
        detail:
          "The messages are indexed for a different search backend than the one that the api uses. Ask the operator to correct SEARCH_BACKEND or to reindex.",
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
