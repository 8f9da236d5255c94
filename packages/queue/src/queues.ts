import { partitionPrefix } from "@confab/redis";
import { z } from "zod";

/**
 * The two queues. A job is only a wake-up: the work is in Redis' open batches and in MySQL's outbox. A job of the queue
 * "messages" stands for one or more batches. `traces` are the W3C traceparents of the recorded spans that caused the
 * job. Workers ignore unknown fields of a payload, so they can also run the jobs of a newer service.
 */
export const queues = {
  messages: {
    name: "messages",
    schema: z.object({
      batches: z.array(z.string()).min(1),
      traces: z.array(z.string()).optional().catch(undefined),
    }),
  },
  search: { name: "search", schema: z.object({ traces: z.array(z.string()).optional().catch(undefined) }) },
} as const satisfies Record<string, { name: string; schema: z.ZodType }>;

export type QueueName = keyof typeof queues;

/**
 * Returns the key of the Redis list that contains a queue's waiting jobs. The watchdog of a consumer reads the list's
 * length.
 */
export function waitListKey(prefix: string, partition: number, queue: QueueName): string {
  return `${partitionPrefix(prefix, partition)}:${queues[queue].name}:wait`;
}
