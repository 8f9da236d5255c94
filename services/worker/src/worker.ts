import type { WorkerConfig } from "@confab/config";
import type { Logger } from "@confab/runtime";
import type { Dependencies } from "./dependencies.ts";
import { startGauges } from "./gauges.ts";
import { startIndexing } from "./indexing.ts";
import { createJobCounters } from "./job-counters.ts";
import { createRecentRanges } from "./schedules/recent-ranges.ts";
import { startSchedules } from "./schedules/start-schedules.ts";
import { startStoring } from "./storing.ts";

/**
 * Maximum number of chats whose recent ranges a worker remembers. It leaves further chats to the walk through all
 * chats.
 */
const maxRecentChats = 10_000;

/**
 * Starts consumers, schedules and gauges. `stop` finishes the work in progress and leaves the rest to other workers.
 */
export function startWorker(dependencies: Dependencies & { config: WorkerConfig; logger: Logger }): {
  stop(): Promise<void>;
} {
  const recent = createRecentRanges(maxRecentChats);
  const jobs = createJobCounters(dependencies.metrics);
  const storing = startStoring(dependencies, jobs, recent);
  const indexing = startIndexing(dependencies, jobs);
  const schedules = startSchedules(dependencies, { ...indexing.work, recent, watchdogs: storing.watchdogs });
  const gauges = startGauges(dependencies);

  return {
    async stop() {
      const read = gauges.stop();
      storing.abandon();
      schedules.abandon();
      // Indexing is abandoned before the schedules stop, because they wait for it.
      const indexed = indexing.abandon();
      await schedules.stop();
      await Promise.all([read, indexed, indexing.stop(), storing.stop()]);
    },
  };
}
