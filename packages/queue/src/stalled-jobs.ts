/**
 * Time in ms for collecting stalled jobs. A worker that died leaves up to a hundred jobs, and BullMQ reports them one
 * by one.
 */
const collectMs = 1_000;

/** Collects the jobs that stall within a second and reports them together. */
export function createStalledJobs(report: (jobs: readonly string[]) => void, delayMs = collectMs) {
  let jobs: string[] = [];
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (jobs.length > 0) report(jobs);
    jobs = [];
  }
  return {
    add(job: string): void {
      jobs.push(job);
      timer ??= setTimeout(flush, delayMs).unref();
    },
    flush,
  };
}
