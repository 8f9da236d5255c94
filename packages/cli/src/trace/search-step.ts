import type { OpenStores } from "../status/open-stores.ts";
import type { MessageStep } from "./message-step.ts";

/** Whether search finds a stored message, or what it waits for. */
export async function searchStep(
  { database, search, reasonOf }: Pick<OpenStores, "database" | "search" | "reasonOf">,
  chatId: bigint,
  number: number,
): Promise<MessageStep> {
  if (search.kind !== "elasticsearch") return { state: "searchable", text: "The database itself is searched." };
  const { isSearchable } = await import("@confab/search");
  try {
    if (await isSearchable(search, { chatId, number })) {
      return { state: "searchable", text: "It is in the search index." };
    }
  } catch (error) {
    return { state: "unavailable", text: `The search index does not answer: ${reasonOf(error)}.` };
  }
  const range = await database.prisma.searchOutboxEntry.findFirst({
    where: { chatId, fromNumber: { lte: number }, toNumber: { gte: number } },
    orderBy: { id: "asc" },
  });
  return range
    ? { state: "waiting", at: range.createdAt.toISOString(), text: "It has waited since then to be indexed." }
    : {
        state: "not searchable",
        text: "The index does not have it yet. If it was written within the last second, it appears now; else the workers notice that it is missing and index it again (metric confab_index_missing_total), unless the index refused it: then the worker's log says why.",
      };
}
