import { setTimeout as sleep } from "node:timers/promises";
import { queues } from "@confab/queue";
import { partitionPrefix } from "@confab/redis";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { usual, type Fault } from "../scene.ts";
import type { World } from "../world/world.ts";

/** Faults in which jobs are delivered more than once, or always fail. */
export const queueFaults: readonly Fault[] = [
  {
    name: "jobs-delivered-thrice",
    title: "Every job is delivered three times, to two workers",
    expectations: usual,
    async run({ world, during }) {
      await during("every job added twice more", () =>
        withQueue(world, async (queue) => {
          const seen = new Set<string>();
          const until = performance.now() + 6_000;
          while (performance.now() < until) {
            for (const { id, name, data } of await queue.getJobs(["waiting", "active", "delayed"])) {
              if (id === undefined || seen.has(id) || id.startsWith("again-")) continue;
              seen.add(id);
              for (const time of [1, 2])
                await queue.add(name, data, { jobId: `again-${time}-${id}`, removeOnComplete: true });
            }
            await sleep(5);
          }
        }),
      );
    },
  },
  {
    name: "jobs-failed-for-good",
    title: "Jobs fail permanently: a newer version than that of the workers wrote them",
    expectations: usual,
    async run({ world, during, accepted }) {
      await during("jobs that no worker understands", async () => {
        for (const worker of world.of("worker")) await worker.stop();
        await accepted(100);
        await withQueue(world, async (queue, redis) => {
          for (const { id, data } of await queue.getJobs(["waiting"])) {
            if (id === undefined) continue;
            const newer = JSON.stringify({ ...(data as object), trace: { form: "newer" } });
            await redis.hset(queue.toKey(id), "data", newer);
          }
        });
        for (const worker of world.of("worker")) await worker.start();
      });
    },
  },
];

async function withQueue(world: World, work: (queue: Queue, redis: Redis) => Promise<void>): Promise<void> {
  const redis = new Redis(world.redis.url, { maxRetriesPerRequest: null });
  const queue = new Queue(queues.messages.name, {
    connection: redis,
    prefix: partitionPrefix(world.keyPrefix, 0),
    skipVersionCheck: true,
  });
  try {
    await work(queue, redis);
  } finally {
    await queue.close();
    redis.disconnect();
  }
}
