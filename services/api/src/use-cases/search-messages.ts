import { ProblemError } from "@confab/contracts";
import type { Messages, MessageState } from "@confab/database";
import type { HighlightedMessage, SearchIndex, SearchRequest } from "@confab/search";

export interface SearchMessagesOptions {
  search: Pick<SearchIndex, "search">;
  messages: Pick<Messages, "states">;
  /** The backend of this process, and the one for which the messages are indexed. */
  backend: { own: string; read: () => Promise<string | undefined> };
}

/** A hit with what MySQL knows of it. */
export type SearchHit = HighlightedMessage & MessageState & { deletedAt: null };

export type SearchMessages = (
  chatId: bigint,
  request: Omit<SearchRequest, "chatId">,
) => Promise<{ hits: SearchHit[]; next?: string }>;

/**
 * Searches a chat and shows only messages that MySQL has, in their current version. The index may have others: texts that were
 * edited or deleted a moment ago, and messages that MySQL lost in a failover, under the id of a chat that belongs to another
 * application by now.
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
    const states = await messages.states(hits.map(({ number }) => ({ chatId, number })));
    const current = hits.flatMap((hit): SearchHit[] => {
      const state = states.get(chatId)?.get(hit.number);
      if (state === undefined) return [];
      const isCurrent = state.version === hit.version && Buffer.compare(state.uid, hit.uid) === 0;
      return isCurrent ? [{ ...hit, ...state, deletedAt: null }] : [];
    });
    return { hits: current, ...page };
  };
}
