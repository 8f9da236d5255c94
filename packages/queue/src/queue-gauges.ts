import { partitionPrefix, queues, type MetricCatalogue, type QueueName } from "@confab/contracts";
import type { Metrics } from "@confab/runtime";
import { Queue } from "bullmq";
import type { RedisConnection } from "./connections.ts";
import { jobStates } from "./depth.ts";

export interface QueueGauges {
  /** Updates the gauges. */
  readonly look: () => Promise<void>;
  stop(): Promise<void>;
}

export interface QueueGaugesOptions {
  connection: RedisConnection;
  prefix: string;
  partitions: number;
}

/** Creates the gauges of the number of jobs per queue and the age of the oldest job. */
export function createQueueGauges(
  metrics: Metrics<MetricCatalogue>,
  { connection, prefix, partitions }: QueueGaugesOptions,
): QueueGauges {
  const jobs = metrics.gauge("confab_queue_jobs");
  const age = metrics.gauge("confab_queue_oldest_job_age_seconds");
  const open = (queue: QueueName, partition: number): Queue => {
    const opened = new Queue(queues[queue].name, {
      connection,
      prefix: partitionPrefix(prefix, partition),
      skipMetasUpdate: true,
      skipVersionCheck: true,
    });
    opened.on("error", () => undefined);
    return opened;
  };
  const opened = {
    messages: Array.from({ length: partitions }, (_, partition) => open("messages", partition)),
    search: [open("search", 0)],
  };
  const oldest = { messages: Infinity, search: Infinity };
  const names = ["messages", "search"] as const;
  const depthOf = (queue: QueueName) => jobStates.map((state) => jobs.labels({ queue, state }));
  const depths = { messages: depthOf("messages"), search: depthOf("search") };
  for (const queue of names) {
    age
      .labels({ queue })
      .onScrape(() => (Number.isFinite(oldest[queue]) ? Math.max(0, (Date.now() - oldest[queue]) / 1000) : 0));
  }

  return {
    async look() {
      for (const name of names) {
        const counts = await Promise.all(opened[name].map((queue) => queue.getJobCounts(...jobStates)));
        jobStates.forEach((state, index) => {
          depths[name][index]?.set(counts.reduce((total, count) => total + (count[state] ?? 0), 0));
        });
        const firsts = await Promise.all(
          opened[name].map((queue) => queue.getJobs(["waiting", "active", "delayed"], 0, 0, true)),
        );
        // A job may end between the reads of its id and its data.
        oldest[name] = Math.min(
          ...firsts.flat().map((job) => (job as { timestamp: number } | undefined)?.timestamp ?? Infinity),
        );
      }
    },
    async stop() {
      await Promise.all([...opened.messages, ...opened.search].map((queue) => queue.close()));
    },
  };
}
