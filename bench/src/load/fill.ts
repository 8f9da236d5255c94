import { join } from "node:path";
import { writeRequests, type Target } from "./messages.ts";
import { runWrk } from "./wrk.ts";
import type { Design } from "../designs/design.ts";
import type { Stores, World } from "../world.ts";

/** Sends messages over 64 connections while no worker runs. Resolves with the faults of the load. */
export async function fillBacklog(
  { folder }: World,
  design: Design,
  stores: Stores,
  target: Target,
  seconds: number,
): Promise<readonly string[]> {
  const requests = join(folder, "requests");
  await writeRequests(requests, target);
  const ingest = await design.startIngest(stores);
  try {
    const { faults } = await runWrk({ url: ingest.url, path: "/messages", requests, connections: 64, seconds });
    return faults;
  } finally {
    await ingest.stop();
  }
}
