import { testStores } from "@confab/testkit";

/** Removes a test's index from the run's Elasticsearch. */
export async function removeIndex(alias: string): Promise<void> {
  const url = testStores().elasticsearchUrl;
  const found = (await (await fetch(`${url}/_alias/${alias}`)).json()) as Record<string, unknown>;
  for (const index of Object.keys(found)) await fetch(`${url}/${index}`, { method: "DELETE" });
}
