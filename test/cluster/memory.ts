import type { Release } from "./release.ts";

/** What metrics-server says of each pod's memory, such as `ingest-… 71Mi`; it looks every 15 seconds. */
export async function memoryOf(release: Release): Promise<string> {
  const rows = await release.kubectl("top", "pods", "--no-headers");
  return rows
    .trim()
    .split("\n")
    .map((row) => row.trim().split(/\s+/))
    .map(([pod = "", , memory = ""]) => `${pod.replace(/^confab-/, "")} ${memory}`)
    .join(", ");
}
