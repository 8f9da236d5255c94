import type { QueueName } from "./queues.ts";
import type { MetricCatalogue } from "@confab/metrics";
import { createSnapshot, type ShareSnapshot } from "@confab/async";
import type { Metrics } from "@confab/runtime";
import type { Queue } from "bullmq";
import type { RedisConnection } from "@confab/redis";
import { jobStates, type JobState } from "./depth.ts";
import { openQueue } from "./open-queue.ts";

export interface QueueGauges {
  /** Reads the queues. It must be called every `intervalMs`. */
  readonly refresh: () => Promise<void>;
  stop(): Promise<void>;
}

export interface QueueGaugesOptions {
  readonly connection: RedisConnection;
  readonly prefix: string;
  readonly partitions: number;
  readonly intervalMs: number;
  readonly share: ShareSnapshot;
}

interface QueueState {
  readonly jobs: Readonly<Record<JobState, number>>;
  /** The time at which the oldest unfinished job was added, in ms since 1970. Undefined if there is none. */
  readonly oldest?: number | undefined;
}

const names = ["messages", "search"] as const satisfies readonly QueueName[];

/**
 * Exports the number of jobs of each queue and the age of its oldest job. One process reads the values for all
 * processes. The gauges have no values while Redis does not answer.
 */
export function createQueueGauges(
  metrics: Metrics<MetricCatalogue>,
  { connection, prefix, partitions, intervalMs, share }: QueueGaugesOptions,
): QueueGauges {
  const options = { connection, prefix, skipMetasUpdate: true };
  const opened = {
    messages: Array.from({ length: partitions }, (_, partition) => openQueue("messages", partition, options)),
    search: [openQueue("search", 0, options)],
  };
  const read = share("queues", intervalMs, async () => {
    const [messages, search] = await Promise.all([stateOf(opened.messages), stateOf(opened.search)]);
    return { messages, search };
  });
  const snapshot = createSnapshot(read, intervalMs);

  const ageOf = (oldest = Date.now()): number => Math.max(0, (Date.now() - oldest) / 1000);
  for (const queue of names) {
    const current = () => snapshot.current()?.[queue];
    for (const state of jobStates) {
      metrics
        .gauge("confab_queue_jobs")
        .labels({ queue, state })
        .onScrape(() => current()?.jobs[state]);
    }
    metrics
      .gauge("confab_queue_oldest_job_age_seconds")
      .labels({ queue })
      .onScrape(() => {
        const state = current();
        return state && ageOf(state.oldest);
      });
  }
  metrics.gauge("confab_snapshot_age_seconds").labels({ snapshot: "queues" }).onScrape(snapshot.ageSeconds);

  return {
    refresh: snapshot.refresh,
    async stop() {
      await Promise.all([...opened.messages, ...opened.search].map((queue) => queue.close()));
    },
  };
}

async function stateOf(partitions: readonly Queue[]): Promise<QueueState> {
  const [counts, firsts] = await Promise.all([
    Promise.all(partitions.map((queue) => queue.getJobCounts(...jobStates))),
    Promise.all(partitions.map((queue) => queue.getJobs(["waiting", "active", "delayed"], 0, 0, true))),
  ]);
  const sum = (state: JobState): number => counts.reduce((total, count) => total + (count[state] ?? 0), 0);
  // A job may end after its id was read and before its data is read.
  const added = firsts.flat().flatMap((job) => (job as { timestamp: number } | undefined)?.timestamp ?? []);
  return {
    jobs: Object.fromEntries(jobStates.map((state) => [state, sum(state)])) as Record<JobState, number>,
    oldest: added.length > 0 ? Math.min(...added) : undefined,
  };
}
