import type { JobsOptions } from "bullmq";
import type { RedisConnection } from "./connections.ts";
import { jobIdOf } from "./job-id.ts";
import { openQueue } from "./open-queue.ts";

export interface ProducerOptions {
  connection: RedisConnection;
  prefix: string;
  partitions: number;
}

export interface Producer {
  /** Wakes a worker for a batch. Does not add a second job while the batch already has one. */
  wakeBatch(partition: number, batchId: string, trace?: string): Promise<void>;
  /** Wakes workers for the batches that have no job or only a failed one, and returns how many there were. */
  wakeForgotten(partition: number, batchIds: readonly string[]): Promise<number>;
  /**
   * Wakes the indexer, because the outbox has new ranges. A lost wake-up delays them by the interval of a sweep.
   * `traces` are the traceparents of the requests.
   */
  wakeSearch(traces?: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

const jobOptions: JobsOptions = {
  // A job that gives up would leave messages unstored, so it fails only if its payload is invalid.
  attempts: Number.MAX_SAFE_INTEGER,
  backoff: { type: "fixed", delay: 1000, jitter: 0.5 },
  removeOnComplete: true,
  removeOnFail: { count: 1000 },
};

/**
 * Adds wake-ups to the queues. Each partition has its own `messages` queue, and the first one also has the `search`
 * queue.
 */
export async function createProducer({ connection, prefix, partitions }: ProducerOptions): Promise<Producer> {
  const options = { connection, prefix, streams: { events: { maxLen: 100 } } };
  const messages = Array.from({ length: partitions }, (_, partition) => openQueue("messages", partition, options));
  const search = openQueue("search", 0, options);
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
