import type { Liveness, Logger } from "@confab/runtime";

export interface WatchdogOptions {
  /** Names the queue in logs and in what liveness says. */
  name: string;
  /** How many jobs wait for somebody to take them. */
  waiting: () => Promise<number>;
  /** False while storing cannot go on anyway. */
  isReachable: () => boolean;
  /** Replaces the consumer and its connections. */
  restart: () => void;
  /** How long jobs may wait while none is taken. */
  patienceMs: number;
  liveness: Pick<Liveness, "fail" | "recover">;
  restarts: { inc(): void };
  logger: Logger;
}

export interface Watchdog {
  /** The consumer lives: it took a job, ended one, or waits knowingly for the database. */
  readonly sign: () => void;
  /** Replaces the consumer where jobs wait and it gave no sign for too long; asks for the process' restart from the second time in a row on. */
  readonly look: () => Promise<void>;
}

/** Fails liveness from this many restarts in a row on. */
const mostRestarts = 2;

/**
 * Watches one queue's consumer. It sees whatever made the consumer stop taking jobs, a connection that died without a word among
 * it: not how it failed, but that work waits and nothing happens.
 */
export function createWatchdog(options: WatchdogOptions): Watchdog {
  const { name, waiting, isReachable, restart, patienceMs, liveness, restarts, logger } = options;
  let since = performance.now();
  let inARow = 0;

  const forgive = (): void => {
    since = performance.now();
  };
  return {
    sign() {
      forgive();
      if (inARow === 0) return;
      inARow = 0;
      liveness.recover(name);
    },
    async look() {
      // Also where Redis does not answer at all: then it is not the consumer that is broken.
      const jobs = await waiting().catch((error: unknown) => {
        forgive();
        throw error;
      });
      if (jobs === 0 || !isReachable()) forgive();
      const silentMs = performance.now() - since;
      if (silentMs < patienceMs) return;
      forgive();
      inARow += 1;
      restarts.inc();
      logger.error(
        { queue: name, jobs, silentMs: Math.round(silentMs), inARow },
        "jobs wait and none is taken: restarting the consumer",
      );
      restart();
      if (inARow >= mostRestarts) {
        liveness.fail(name, `${jobs} jobs wait in ${name}, and a new consumer took none of them either`);
      }
    },
  };
}
