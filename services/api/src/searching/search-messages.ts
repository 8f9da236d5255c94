import { ProblemError } from "@confab/contracts";
import type { MessageAddress, Messages, MessageState } from "@confab/database";
import type { FoundMessage, Highlights, SearchIndex, SearchRequest } from "@confab/search";

export interface SearchMessagesOptions {
  readonly search: Pick<SearchIndex, "search">;
  readonly messages: Pick<Messages, "states">;
  readonly backend: Backend;
  /** Puts messages into the index again, as MySQL has them now. */
  readonly reindex: (messages: readonly MessageAddress[]) => void;
}

/** The search backend of this process, and the backend for which the messages are indexed. */
export interface Backend {
  readonly own: string;
  readonly read: () => Promise<string | undefined>;
}

/** A hit with the state of its message in MySQL. */
export type SearchHit = FoundMessage & Highlights & MessageState & { deletedAt: null };

export type SearchMessages = (
  chatId: bigint,
  request: Omit<SearchRequest, "chatId">,
) => Promise<{ hits: SearchHit[]; next?: string }>;

/**
 * Searches a chat and shows only messages that MySQL has, in their current version. The index may still have messages
 * that were edited or deleted a moment ago, or that MySQL lost in a failover. The id of a lost chat may now belong to a
 * chat of another application.
 */
export function createSearchMessages(options: SearchMessagesOptions): SearchMessages {
  const { search, backend } = options;

  return async (chatId, request) => {
    const { hits, ...page } = await ofBackend(backend, search.search({ chatId, ...request }));
    const keyed = hits.map((hit) => ({ ...hit, chatId }));
    return { hits: await onlyCurrent(options, keyed), ...page };
  };
}

/** Returns the answer to a search. Throws 503 if the messages are not indexed for the backend of this process. */
export async function ofBackend<Page>(backend: Backend, answer: Promise<Page>): Promise<Page> {
  const [page, indexedFor] = await Promise.all([answer, backend.read()]);
  // MySQL itself always has all messages.
  if (backend.own !== "mysql" && indexedFor !== undefined && indexedFor !== backend.own) {
    throw new ProblemError("search-unavailable", {
      detail:
        "The messages are indexed for a different search backend than the one that the api uses. Ask the operator to correct SEARCH_BACKEND or to reindex.",
    });
  }
  return page;
}

/**
 * Returns the hits that MySQL has in the same version, with their states. If the index has a change that MySQL lost,
 * the message is indexed again.
 */
export async function onlyCurrent<Hit extends FoundMessage & MessageAddress>(
  { messages, reindex }: Pick<SearchMessagesOptions, "messages" | "reindex">,
  hits: readonly Hit[],
): Promise<(Hit & MessageState & { deletedAt: null })[]> {
  const states = await messages.states(hits);
  const lost: MessageAddress[] = [];
  const current = hits.flatMap((hit) => {
    const { chatId, number } = hit;
    const state = states.get(chatId)?.get(number);
    if (state === undefined || Buffer.compare(state.uid, hit.uid) !== 0) return [];
    // The index was queried first, so every change in the index was committed before this read.
    if ((state.changeNumber ?? 0) < (hit.changeNumber ?? 0)) lost.push({ chatId, number });
    // A message that was stored late has a change number, but still has its first content.
    const isSame = state.version === hit.version && (hit.version === 1 || state.changeNumber === hit.changeNumber);
    return isSame ? [{ ...hit, ...state, deletedAt: null }] : [];
  });
  if (lost.length > 0) reindex(lost);
  return current;
}
