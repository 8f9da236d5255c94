import type { QueueName } from "./queues.ts";
import type { RedisConnection } from "@confab/redis";
import { openQueue } from "./open-queue.ts";

export const jobStates = ["waiting", "active", "delayed", "failed"] as const;
export type JobState = (typeof jobStates)[number];

export interface QueueDepth {
  readonly queue: QueueName;
  readonly partition: number;
  readonly jobs: Record<JobState, number>;
}

/** Counts the jobs of each queue by state. */
export async function queueDepths(
  connection: RedisConnection,
  prefix: string,
  partitions: number,
): Promise<QueueDepth[]> {
  const all = [
    ...Array.from({ length: partitions }, (_, partition) => ({ queue: "messages" as const, partition })),
    { queue: "search" as const, partition: 0 },
  ];
  return Promise.all(
    all.map(async ({ queue, partition }) => {
      const opened = openQueue(queue, partition, { connection, prefix, skipMetasUpdate: true });
      const counts = await opened.getJobCounts(...jobStates);
      await opened.close();
      const jobs = Object.fromEntries(jobStates.map((state) => [state, counts[state] ?? 0])) as Record<
        JobState,
        number
      >;
      return { queue, partition, jobs };
    }),
  );
}
