import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { plainQueue } from "./plain-process.ts";
import { environmentOf, prefix, startFile, type Design } from "./design.ts";

/** The obvious version in Node: Express, INCR, and one BullMQ job per message. */
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
