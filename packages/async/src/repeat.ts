interface Logger {
  warn(fields: object, message: string): void;
}

export interface Schedule {
  /** Starts no further run and waits for the current one. */
  stop(): Promise<void>;
}

/** Runs something repeatedly, `intervalMs` after the last run ended; a failure is logged (once per outage, if there is a logger) and the next run follows anyway. */
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
