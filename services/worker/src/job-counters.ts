import type { QueueName, JobOutcome } from "@confab/queue";
import type { MetricCatalogue } from "@confab/metrics";
import type { CounterSeries, Metrics } from "@confab/runtime";

const queues = ["messages", "search"] as const satisfies readonly QueueName[];
const outcomes = ["completed", "failed", "stalled"] as const satisfies readonly JobOutcome[];

export type JobCounters = ReturnType<typeof createJobCounters>;

/**
 * Creates counters of ended jobs. Every series is exported from the start, so that the first failure counts as an
 * increase.
 */
export function createJobCounters(metrics: Metrics<MetricCatalogue>) {
  const jobs = metrics.counter("confab_jobs_total");
  const series = new Map<string, CounterSeries>();
  for (const queue of queues) {
    for (const outcome of outcomes) series.set(`${queue} ${outcome}`, jobs.labels({ queue, outcome }));
  }
  return {
    count: (queue: QueueName, outcome: JobOutcome, jobsEnded = 1): void => {
      series.get(`${queue} ${outcome}`)?.inc(jobsEnded);
    },
  };
}
