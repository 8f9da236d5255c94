import type { Logger } from "./logger.ts";

export interface Schedule {
  /** Starts no further run and waits for the one under way. */
  stop(): Promise<void>;
}

/** Runs something again and again, `intervalMs` after the last run ended; a failure is logged (once an outage, where there is a logger) and the next run comes all the same. */
export function every(intervalMs: number, name: string, run: () => Promise<unknown>, logger?: Logger): Schedule {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let failing = false;

  async function round(): Promise<void> {
    try {
      await run();
      failing = false;
    } catch (error) {
      if (!failing && !stopped) logger?.warn({ err: error, schedule: name }, "scheduled run failed");
      failing = true;
    }
    if (!stopped) timer = setTimeout(begin, intervalMs).unref();
  }
  let running: Promise<void>;
  const begin = (): void => {
    running = round();
  };
  begin();

  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
