import type { QueueName } from "@confab/contracts";
import type { MetricCatalogue } from "@confab/metrics";
import { createSnapshot, type Metrics } from "@confab/runtime";
import type { Queue } from "bullmq";
import type { RedisConnection } from "./connections.ts";
import { jobStates, type JobState } from "./depth.ts";
import { openQueue } from "./open-queue.ts";

export interface QueueGauges {
  /** Reads the queues; to call every `intervalMs`. */
  readonly refresh: () => Promise<void>;
  stop(): Promise<void>;
}

export interface QueueGaugesOptions {
  connection: RedisConnection;
  prefix: string;
  partitions: number;
  intervalMs: number;
}

interface QueueState {
  readonly jobs: Readonly<Record<JobState, number>>;
  /** When the oldest job that has not ended was added, in milliseconds since 1970; Infinity without one. */
  readonly oldest: number;
}

const names = ["messages", "search"] as const satisfies readonly QueueName[];

/** Exports how many jobs each queue has and the age of its oldest job; the gauges end while Redis does not answer. */
export function createQueueGauges(
  metrics: Metrics<MetricCatalogue>,
  { connection, prefix, partitions, intervalMs }: QueueGaugesOptions,
): QueueGauges {
  const options = { connection, prefix, skipMetasUpdate: true };
  const opened = {
    messages: Array.from({ length: partitions }, (_, partition) => openQueue("messages", partition, options)),
    search: [openQueue("search", 0, options)],
  };
  const snapshot = createSnapshot(async () => {
    const states = names.map(async (name) => [name, await stateOf(opened[name])] as const);
    return new Map<QueueName, QueueState>(await Promise.all(states));
  }, intervalMs);

  const ageOf = (oldest: number): number => (Number.isFinite(oldest) ? Math.max(0, (Date.now() - oldest) / 1000) : 0);
  for (const queue of names) {
    const current = () => snapshot.current()?.get(queue);
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
  // A job may end between the reads of its id and of its data.
  const added = firsts.flat().map((job) => (job as { timestamp: number } | undefined)?.timestamp ?? Infinity);
  return {
    jobs: Object.fromEntries(jobStates.map((state) => [state, sum(state)])) as Record<JobState, number>,
    oldest: Math.min(...added),
  };
}
