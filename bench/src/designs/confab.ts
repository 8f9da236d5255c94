import { startService } from "@confab/testkit";
import { readPending } from "../verify.ts";
import { environmentOf, type Design } from "./design.ts";

/** The services as they are, without rate limits and without Elasticsearch. */
export const confab: Design = {
  name: "Confab",
  startIngest: (stores) => startService("ingest", { ...environmentOf(stores), RATE_LIMITS: "off" }),
  async readHeld(stores, target) {
    const { chats, faults } = await readPending(stores, target);
    return { messages: chats.reduce((sum, { count }) => sum + count, 0), faults };
  },
};
