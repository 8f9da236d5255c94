import type { Liveness, Logger } from "@confab/runtime";

export interface WatchdogOptions {
  /** The name of the queue in logs and in the reason for a restart. */
  readonly name: string;
  /** The number of waiting jobs. */
  readonly waiting: () => Promise<number>;
  /** False while nothing can be stored anyway. */
  readonly isReachable: () => boolean;
  /** Replaces the consumer and its connections. */
  readonly restart: () => void;
  /** The maximum time that jobs may wait while none is taken. */
  readonly timeoutMs: number;
  readonly liveness: Pick<Liveness, "fail" | "recover">;
  readonly restarts: { inc(): void };
  readonly logger: Logger;
}

export interface Watchdog {
  /** A sign of life: the consumer took a job, ended one, or waits for the database. */
  readonly sign: () => void;
  /** Replaces the consumer if jobs wait and it has given no sign of life for too long. From the second time in a row on, asks for a restart of the process. */
  readonly check: () => Promise<void>;
}

/** A silence shorter than this part of the timeout needs no question. So a restart may come early by this part. */
const quietParts = 4;
/** Liveness fails after this many replacements in a row. */
const mostRestarts = 2;

/**
 * Watches the consumer of one queue. It does not look for causes, such as a connection that died silently, but for the effect: jobs
 * wait and none is taken.
 */
export function createWatchdog(options: WatchdogOptions): Watchdog {
  const { name, waiting, isReachable, restart, timeoutMs, liveness, restarts, logger } = options;
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
    async check() {
      // A worker that is busy or was asked a moment ago costs Redis nothing.
      if (performance.now() - since < timeoutMs / quietParts) return;
      // Also if Redis does not answer at all: then the consumer is not at fault.
      const jobs = await waiting().catch((error: unknown) => {
        forgive();
        throw error;
      });
      if (jobs === 0 || !isReachable()) forgive();
      const silentMs = performance.now() - since;
      if (silentMs < timeoutMs) return;
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
