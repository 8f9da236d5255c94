import { startService } from "../services.ts";
import { countOf, readPending } from "../verify.ts";
import { environmentOf, type Design, type Running } from "./design.ts";
import type { Stores } from "../world.ts";

/** Runs the services unchanged, without rate limits and without Elasticsearch. */
export const confab: Design = {
  name: "Confab",
  startIngest: (stores) => startService("ingest", { ...environmentOf(stores), RATE_LIMITS: "off" }),
  async readHeld(stores, target) {
    const contents = await readPending(stores, target);
    return { messages: countOf(contents), faults: contents.faults };
  },
};

export function startConfabWorker(stores: Stores): Promise<Running> {
  return startService("worker", { ...environmentOf(stores), SEARCH_BACKEND: "mysql" });
}
