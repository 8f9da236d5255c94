import { exit as exitProcess } from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "./logger.ts";

export interface Lifecycle {
  /**
   * Starts a part and remembers its `stop()`. If `start` throws, stops everything that was started before, and rethrows
   * the error.
   */
  use<T>(name: string, start: () => T | Promise<T>): Promise<T>;
  /** Shuts down in order on the first of these signals. The second one ends the process at once with exit code 1. */
  onSignal(...signals: NodeJS.Signals[]): void;
  /** Stops everything in reverse order, then exits. Later calls wait for the same shutdown. */
  shutdown(reason: string, exitCode?: number): Promise<void>;
  /** Marks the start-up as complete. */
  markStarted(): void;
  /** False until everything is started. Until then, readiness must answer 503. */
  readonly started: boolean;
  /** True from the beginning of a shutdown. From then on, readiness must answer 503. */
  readonly draining: boolean;
}

export interface LifecycleOptions {
  readonly logger: Logger;
  /**
   * Maximum time in ms for the whole shutdown, including the drain delay. Afterwards, the process exits with code 1.
   */
  readonly timeoutMs: number;
  /** Time in ms to continue serving after readiness has turned to 503, so that load balancers can react. */
  readonly drainMs?: number;
  readonly exit?: (code: number) => void;
}

interface Part {
  readonly name: string;
  readonly stop: () => unknown;
}

/**
 * Starts parts in order, and stops them in reverse order within a deadline. An uncaught error is logged, and causes a
 * shutdown with exit code 1.
 */
export function createLifecycle({ logger, timeoutMs, drainMs = 0, exit = exitProcess }: LifecycleOptions): Lifecycle {
  const started: Part[] = [];
  const listeners: [event: string, listener: () => void][] = [];
  let starting: Promise<unknown> = Promise.resolve();
  let stopping: Promise<void> | undefined;
  let exitCode = 0;
  let allStarted = false;

  function listen(event: string, listener: (error: Error, origin: string) => void): void {
    process.on(event, listener);
    listeners.push([event, listener as () => void]);
  }

  function use<T>(name: string, start: () => T | Promise<T>): Promise<T> {
    // If a process receives a stop signal during its start-up, main.ts waits here until the shutdown ends the process.
    if (stopping !== undefined) return new Promise<T>(() => undefined);
    const attempt = startPart(name, start);
    starting = attempt.catch(() => undefined);
    return attempt;
  }

  async function startPart<T>(name: string, start: () => T | Promise<T>): Promise<T> {
    try {
      const part = await start();
      if (hasStop(part)) started.push({ name, stop: () => part.stop() });
      return part;
    } catch (error) {
      logger.error({ part: name, err: error }, "start failed");
      await withDeadline(stopAll);
      throw error;
    }
  }

  async function stopAll(): Promise<void> {
    for (let part = started.pop(); part !== undefined; part = started.pop()) {
      const began = performance.now();
      try {
        await part.stop();
        logger.debug({ part: part.name, ms: Math.round(performance.now() - began) }, "stopped");
      } catch (error) {
        exitCode = 1;
        logger.error({ part: part.name, err: error }, "stop failed");
      }
    }
  }

  async function withDeadline(work: () => Promise<void>): Promise<void> {
    const deadline = setTimeout(() => {
      logger.fatal({ timeoutMs, waitingFor: started.map((part) => part.name) }, "shutdown took too long");
      exit(1);
    }, timeoutMs).unref();
    await work();
    clearTimeout(deadline);
  }

  async function stopInOrder(reason: string): Promise<void> {
    logger.info({ reason }, "shutting down");
    await withDeadline(async () => {
      if (exitCode === 0 && drainMs > 0) await pause(drainMs);
      await starting;
      await stopAll();
    });
    for (const [event, listener] of listeners) process.off(event, listener);
    logger.info({ reason, exitCode }, "stopped");
    // If the process exited now, a line that is still being written would be lost.
    await new Promise<void>((resolve) => {
      logger.flush(() => {
        resolve();
      });
    });
    exit(exitCode);
  }

  function shutdown(reason: string, code = 0): Promise<void> {
    exitCode = Math.max(exitCode, code);
    stopping ??= stopInOrder(reason);
    return stopping;
  }

  function onSignal(...signals: NodeJS.Signals[]): void {
    for (const signal of signals) {
      listen(signal, () => {
        if (stopping !== undefined) {
          logger.warn({ signal }, "second signal, ending at once");
          exit(1);
          return;
        }
        void shutdown(signal);
      });
    }
  }

  listen("uncaughtException", (error, origin) => {
    logger.fatal({ err: error, origin }, "uncaught error");
    void shutdown(origin, 1);
  });

  return {
    use,
    onSignal,
    shutdown,
    markStarted() {
      allStarted = true;
    },
    get started() {
      return allStarted;
    },
    get draining() {
      return stopping !== undefined;
    },
  };
}

function hasStop(value: unknown): value is { stop: () => unknown } {
  return typeof value === "object" && value !== null && "stop" in value && typeof value.stop === "function";
}
