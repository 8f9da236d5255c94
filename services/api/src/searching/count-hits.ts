import type { HitCountsQuery } from "@confab/contracts";
import type { Applications, Chats } from "@confab/database";
import type { HitCounts, SearchIndex } from "@confab/search";
import { ofBackend, type Backend } from "./search-messages.ts";
import { findSearched, type Signalled } from "./searched-chats.ts";

export interface CountHitsOptions {
  readonly search: Pick<SearchIndex, "countHits">;
  readonly applications: Pick<Applications, "find">;
  readonly chats: Pick<Chats, "named" | "numbered">;
  readonly backend: Backend;
}

export type CountHits = (token: string, query: HitCountsQuery & Signalled) => Promise<HitCounts>;

/**
 * Counts the hits in each chat of an application, or in the given chats. Leaves out chats that do not belong to the
 * application in MySQL. The counts come from the index. Throws the 404 for the application or for a chat.
 */
export function createCountHits({ search, applications, chats, backend }: CountHitsOptions): CountHits {
  return async (token, { chats: numbers, ...filters }) => {
    const searched = await findSearched({ applications, chats }, token, numbers);
    const counts = await ofBackend(backend, search.countHits({ ...filters, ...searched }));
    const owners = await chats.named(counts.chats.map(({ chatId }) => chatId));
    // After a failover, the index may have messages of this application under the id of another application's chat.
    const isOwn = ({ chatId, chatNumber }: HitCounts["chats"][number]) =>
      owners.get(chatId)?.token === token && owners.get(chatId)?.number === chatNumber;
    return { ...counts, chats: counts.chats.filter(isOwn) };
  };
}
