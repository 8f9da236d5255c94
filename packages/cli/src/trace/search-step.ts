import type { OpenStores } from "../status/open-stores.ts";
import type { MessageStep } from "./message-step.ts";

/** Returns a step that says whether search finds a stored message and, if not, why. */
export async function searchStep(
  { outbox, search, reasonOf }: Pick<OpenStores, "outbox" | "search" | "reasonOf">,
  chatId: bigint,
  number: number,
): Promise<MessageStep> {
  if (search.kind !== "elasticsearch") return { state: "searchable", text: "MySQL itself answers searches." };
  const { isSearchable } = await import("@confab/search");
  try {
    if (await isSearchable(search, { chatId, number })) {
      return { state: "searchable", text: "It is in the search index." };
    }
  } catch (error) {
    return { state: "unavailable", text: `The search index is unavailable: ${reasonOf(error)}.` };
  }
  const since = await outbox.waitingSince(chatId, number);
  return since
    ? { state: "waiting", at: since.toISOString(), text: "It has been waiting since then to be indexed." }
    : {
        state: "not searchable",
        text: "It is not in the search index. If it was stored within the last second, search finds it soon. Otherwise the workers find it by reconciliation and index it again. If the index refused it, the worker's log says why.",
      };
}
