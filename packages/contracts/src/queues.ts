import { z } from "zod";

/**
 * The two queues; a job is only a wake-up: what must be done lies in Redis' open batches and in MySQL's outbox. `trace` and
 * `traces` say for whom, as W3C traceparents of spans that are recorded. Workers read what they know of a payload and leave
 * the rest, so that a newer service's jobs are done as well.
 */
export const queues = {
  messages: {
    name: "messages",
    schema: z.object({ batch: z.string(), trace: z.string().optional().catch(undefined) }),
  },
  search: { name: "search", schema: z.object({ traces: z.array(z.string()).optional().catch(undefined) }) },
} as const satisfies Record<string, { name: string; schema: z.ZodType }>;

export type QueueName = keyof typeof queues;

/**
 * The prefix of everything that belongs to one partition of the chats, BullMQ's keys included: the braces are a Redis
 * Cluster hash tag, so that numbering, pending records and queue of a chat lie in one slot.
 */
export function partitionPrefix(prefix: string, partition: number): string {
  return `${prefix}:{p${partition}}`;
}

/** The Redis list with the waiting jobs of a queue. */
export function waitListKey(prefix: string, partition: number, queue: QueueName): string {
  return `${partitionPrefix(prefix, partition)}:${queues[queue].name}:wait`;
}
