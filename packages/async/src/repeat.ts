interface Logger {
  warn(fields: object, message: string): void;
}

export interface Schedule {
  /** Prevents further runs and waits for the current one. */
  stop(): Promise<void>;
}

/**
 * Calls `run` at once, and again `intervalMs` after each run has ended. A failure does not end the schedule. If there
 * is a logger, it logs a failure once per outage.
 */
export function repeat(intervalMs: number, name: string, run: () => Promise<unknown>, logger?: Logger): Schedule {
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
