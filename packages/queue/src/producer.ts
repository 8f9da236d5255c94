import { partitionPrefix, queues, type QueueName } from "@confab/contracts";
import { Queue, type JobsOptions } from "bullmq";
import type { RedisConnection } from "./connections.ts";

export interface ProducerOptions {
  connection: RedisConnection;
  prefix: string;
  partitions: number;
}

export interface Producer {
  /** Wakes a worker for a batch; while a job of this batch exists, another one is not added. */
  wakeBatch(partition: number, batchId: string, trace?: string): Promise<void>;
  /** Wakes workers for those of these batches that have no job, or one that failed for good; returns how many those were. */
  wakeForgotten(partition: number, batchIds: readonly string[]): Promise<number>;
  /**
   * Wakes the indexer: the outbox has something. A lost wake-up costs a sweep's interval. The traceparents say for whom.
   */
  wakeSearch(traces?: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

const jobOptions: JobsOptions = {
  // Giving up would leave messages unstored: a job fails for good only where its payload makes no sense.
  attempts: Number.MAX_SAFE_INTEGER,
  backoff: { type: "fixed", delay: 1000, jitter: 0.5 },
  removeOnComplete: true,
  removeOnFail: { count: 1000 },
};

/** Puts wake-ups into the queues; each partition has its own `messages` queue, the first has the `search` queue. */
export async function createProducer({ connection, prefix, partitions }: ProducerOptions): Promise<Producer> {
  const open = (queue: QueueName, partition: number): Queue => {
    const opened = new Queue(queues[queue].name, {
      connection,
      prefix: partitionPrefix(prefix, partition),
      streams: { events: { maxLen: 100 } },
      skipVersionCheck: true,
    });
    // BullMQ prints errors that nobody listens to; whoever opened the connection gets them anyway.
    opened.on("error", () => undefined);
    return opened;
  };
  const messages = Array.from({ length: partitions }, (_, partition) => open("messages", partition));
  const search = open("search", 0);
  const client = (await search.backend.client) as unknown as RedisConnection;
  const wakeBatch: Producer["wakeBatch"] = async (partition, batchId, trace) => {
    const payload = { batch: batchId, ...(trace !== undefined && { trace }) };
    await messages[partition]!.add("batch", payload, { ...jobOptions, jobId: jobIdOf(batchId) });
  };
  return {
    wakeBatch,
    async wakeForgotten(partition, batchIds) {
      const queue = messages[partition]!;
      const commands = client.pipeline();
      for (const id of batchIds.map(jobIdOf)) commands.exists(queue.toKey(id)).zscore(queue.toKey("failed"), id);
      const answers = ((await commands.exec()) ?? []).map(([error, answer]) => {
        if (error) throw error;
        return answer;
      });
      const forgotten = batchIds.map((batchId, at) => {
        const [exists, failed] = [answers[2 * at] === 1, answers[2 * at + 1] !== null];
        return exists && !failed ? [] : [{ batchId, failed }];
      });
      for (const { batchId, failed } of forgotten.flat()) {
        if (failed) await queue.remove(jobIdOf(batchId));
        await wakeBatch(partition, batchId);
      }
      return forgotten.flat().length;
    },
    async wakeSearch(traces = []) {
      await search.add("wake", traces.length > 0 ? { traces } : {}, jobOptions);
    },
    async stop() {
      await Promise.all([...messages, search].map((queue) => queue.close()));
    },
  };
}

/** A job's id must not look like a number; a batch's id could. */
function jobIdOf(batchId: string): string {
  return `b-${batchId}`;
}
