import type { Release } from "./release.ts";

/**
 * Returns the memory of each pod from metrics-server, such as `ingest-… 71Mi`. metrics-server measures every 15
 * seconds.
 */
export async function memoryOf(release: Release): Promise<string> {
  const rows = await release.kubectl("top", "pods", "--no-headers");
  return rows
    .trim()
    .split("\n")
    .map((row) => row.trim().split(/\s+/))
    .map(([pod = "", , memory = ""]) => `${pod.replace(/^confab-/, "")} ${memory}`)
    .join(", ");
}
