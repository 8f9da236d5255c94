import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { plainQueue } from "./plain-process.ts";
import { environmentOf, prefix, startFile, type Design, type Running } from "./design.ts";
import type { Stores } from "../world.ts";

/** The obvious design in Node: Express, INCR, and one BullMQ job per message. */
export const plain: Design = {
  name: "plain Node",
  startIngest: (stores) => startFile(import.meta.resolve("./plain-ingest.ts"), environmentOf(stores)),
  async readHeld({ redisUrl }) {
    const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
    const queue = new Queue(plainQueue, { connection: redis, prefix });
    try {
      return { messages: await queue.getWaitingCount(), faults: [] };
    } finally {
      await queue.close();
      redis.disconnect();
    }
  },
};

/** Starts a worker that processes 50 jobs at a time. For each it runs one transaction with an INSERT and an UPDATE. */
export function startPlainWorker(stores: Stores): Promise<Running> {
  return startFile(import.meta.resolve("./plain-worker.ts"), environmentOf(stores));
}
