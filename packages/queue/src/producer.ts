import type { JobsOptions } from "bullmq";
import type { RedisConnection } from "@confab/redis";
import { jobIdOf } from "./job-id.ts";
import { openQueue } from "./open-queue.ts";

export interface ProducerOptions {
  readonly connection: RedisConnection;
  readonly prefix: string;
  readonly partitions: number;
}

export interface Producer {
  /**
   * Wakes a worker for one or more batches with one job, named after the first batch. Adds no second job while a job of
   * this name exists. `traces` are the traceparents of the spans that accepted the batches.
   */
  wakeBatches(partition: number, batchIds: readonly string[], traces?: readonly string[]): Promise<void>;
  /**
   * Wakes workers for the batches (oldest first) that have no job, or whose only job has failed or is no longer in any
   * list. Returns the number of these batches.
   */
  wakeForgotten(partition: number, batches: readonly WokenBatch[]): Promise<number>;
  /**
   * Wakes the indexer, because the outbox has new ranges. If the wake-up is lost, indexing is delayed by the interval
   * of a sweep. `traces` are the traceparents of the requests.
   */
  wakeSearch(traces?: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** A batch, with the batch after which its job is named. */
export interface WokenBatch {
  readonly id: string;
  readonly wokenWith: string;
}

/** Maximum number of jobs that one call looks up in the lists, beginning with the oldest. */
const lookedFor = 20;

const jobOptions: JobsOptions = {
  // A job that gives up would leave messages unstored. It therefore fails only if its payload is invalid.
  attempts: Number.MAX_SAFE_INTEGER,
  backoff: { type: "fixed", delay: 1000, jitter: 0.5 },
  removeOnComplete: true,
  removeOnFail: { count: 1000 },
};

/**
 * Adds wake-ups to the queues. Each partition has its own `messages` queue, and the first partition also has the
 * `search` queue.
 */
export async function createProducer({ connection, prefix, partitions }: ProducerOptions): Promise<Producer> {
  const options = { connection, prefix, streams: { events: { maxLen: 100 } } };
  const messages = Array.from({ length: partitions }, (_, partition) => openQueue("messages", partition, options));
  const search = openQueue("search", 0, options);
  const client = (await search.backend.client) as unknown as RedisConnection;
  const wakeBatches: Producer["wakeBatches"] = async (partition, batchIds, traces = []) => {
    const payload = { batches: batchIds, ...(traces.length > 0 && { traces }) };
    await messages[partition]!.add("batches", payload, { ...jobOptions, jobId: jobIdOf(batchIds[0]!) });
  };
  /**
   * Returns the names of jobs that exist but are in no list, because somebody removed them from it. No worker will find
   * these jobs.
   */
  async function lostJobs(queue: (typeof messages)[number], names: readonly string[]): Promise<string[]> {
    const lost: string[] = [];
    for (const name of names) {
      const id = jobIdOf(name);
      // Reads all lists in one step, because jobs move between them. The oldest jobs are at the ends of the lists.
      const places = await client
        .multi()
        .lpos(queue.toKey("wait"), id, "RANK", -1)
        .lpos(queue.toKey("paused"), id, "RANK", -1)
        .lpos(queue.toKey("active"), id)
        .zscore(queue.toKey("delayed"), id)
        .zscore(queue.toKey("prioritized"), id)
        .exec();
      if (places?.every(([error, place]) => error === null && place === null) === true) lost.push(name);
    }
    return lost;
  }
  return {
    wakeBatches,
    async wakeForgotten(partition, batches) {
      const queue = messages[partition]!;
      const names = [...new Set(batches.flatMap(({ id, wokenWith }) => [id, wokenWith]))];
      const commands = client.pipeline();
      for (const id of names.map(jobIdOf)) commands.exists(queue.toKey(id)).zscore(queue.toKey("failed"), id);
      const answers = ((await commands.exec()) ?? []).map(([error, answer]) => {
        if (error) throw error;
        return answer;
      });
      const failed = names.filter((_, at) => answers[2 * at + 1] !== null);
      const working = new Set(names.filter((name, at) => answers[2 * at] === 1 && !failed.includes(name)));
      const oldest = batches.flatMap(({ id, wokenWith }) => [id, wokenWith].filter((name) => working.has(name)));
      const lost = await lostJobs(queue, [...new Set(oldest)].slice(0, lookedFor));
      for (const name of lost) working.delete(name);
      const forgotten = batches.filter(({ id, wokenWith }) => !working.has(id) && !working.has(wokenWith));
      for (const name of [...failed, ...lost]) await queue.remove(jobIdOf(name));
      for (const { id } of forgotten) await wakeBatches(partition, [id]);
      return forgotten.length;
    },
    async wakeSearch(traces = []) {
      await search.add("wake", traces.length > 0 ? { traces } : {}, jobOptions);
    },
    async stop() {
      await Promise.all([...messages, search].map((queue) => queue.close()));
    },
  };
}
