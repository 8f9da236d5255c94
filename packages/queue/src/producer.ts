import { partitionPrefix, queues, type QueueName } from "@confab/contracts";
import { Job, Queue, type JobsOptions } from "bullmq";
import type { ChainableCommander } from "ioredis";
import type { RedisConnection } from "./connections.ts";

export interface ProducerOptions {
  connection: RedisConnection;
  prefix: string;
  partitions: number;
}

export interface Producer {
  /** A pipeline on the producer's connection that `enqueueBatch` can add to. */
  pipeline(): ChainableCommander;
  /** Adds a batch's wake-up to a pipeline; while a job of this batch exists, another one is not added. */
  enqueueBatch(pipeline: ChainableCommander, partition: number, batchId: string, trace?: string): void;
  /** Wakes the workers for batches whose own wake-ups are missing. */
  wakeBatches(partition: number, batchIds: readonly string[]): Promise<void>;
  /**
   * Tells the indexer that the outbox has something; a wake-up that is lost costs a sweep's interval. The traceparents say
   * for whom.
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
    // BullMQ prints errors that nobody listens to; whoever opened the connection hears of them anyway.
    opened.on("error", () => undefined);
    return opened;
  };
  const messages = Array.from({ length: partitions }, (_, partition) => open("messages", partition));
  const search = open("search", 0);
  const client = await search.backend.client;
  const pipeline = (): ChainableCommander => client.pipeline() as unknown as ChainableCommander;
  const enqueueBatch: Producer["enqueueBatch"] = (commands, partition, batchId, trace) => {
    // A jobId must not look like a number; a batch's id could.
    const job = new Job(
      messages[partition]!,
      "batch",
      { batch: batchId, ...(trace !== undefined && { trace }) },
      jobOptions,
      `b-${batchId}`,
    );
    void job.addJob(commands as never);
  };
  return {
    pipeline,
    enqueueBatch,
    async wakeBatches(partition, batchIds) {
      const commands = pipeline();
      for (const batchId of batchIds) enqueueBatch(commands, partition, batchId);
      await commands.exec();
    },
    async wakeSearch(traces = []) {
      await search.add("wake", traces.length > 0 ? { traces } : {}, jobOptions);
    },
    async stop() {
      await Promise.all([...messages, search].map((queue) => queue.close()));
    },
  };
}
