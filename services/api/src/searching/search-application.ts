import type { ApplicationSearchQuery } from "@confab/contracts";
import type { Applications, Chats, MessageAddress, Messages } from "@confab/database";
import type { SearchIndex } from "@confab/search";
import { ofBackend, onlyCurrent, type Backend, type SearchHit } from "./search-messages.ts";
import { findSearched, type Signalled } from "./searched-chats.ts";

export interface SearchApplicationOptions {
  readonly search: Pick<SearchIndex, "searchApplication">;
  readonly applications: Pick<Applications, "find">;
  readonly chats: Pick<Chats, "named" | "numbered">;
  readonly messages: Pick<Messages, "states">;
  readonly backend: Backend;
  /** Puts messages into the index again, as MySQL has them now. */
  readonly reindex: (messages: readonly MessageAddress[]) => void;
}

export type SearchApplication = (
  token: string,
  query: ApplicationSearchQuery & Signalled,
) => Promise<{ hits: (SearchHit & { chatNumber: number })[]; next?: string }>;

/**
 * Searches all chats of an application, or the given chats. Shows only messages that MySQL has in a chat of the
 * application, in their current version. Throws the 404 for the application or for a chat.
 */
export function createSearchApplication(options: SearchApplicationOptions): SearchApplication {
  const { search, applications, chats, backend } = options;

  return async (token, { chats: numbers, ...request }) => {
    const searched = await findSearched({ applications, chats }, token, numbers);
    const { hits, ...page } = await ofBackend(backend, search.searchApplication({ ...request, ...searched }));
    // After a failover, the index may have messages of this application under the id of another application's chat.
    const owners = await chats.named([...new Set(hits.map(({ chatId }) => chatId))]);
    const own = hits.flatMap((hit) => {
      const owner = owners.get(hit.chatId);
      return owner?.token === token ? [{ ...hit, chatNumber: owner.number }] : [];
    });
    return { hits: await onlyCurrent(options, own), ...page };
  };
}
