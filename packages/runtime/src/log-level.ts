import { levels } from "pino";
import type { Logger } from "./logger.ts";

export interface LogLevel {
  readonly current: string;
  /** Sets the level. Returns false and changes nothing if there is no such level. */
  set(level: string): boolean;
  stop(): void;
}

/**
 * Changes the log level of a running process. The signal SIGUSR2 switches to debug, and from there back to the previous
 * level.
 */
export function createLogLevel(logger: Pick<Logger, "level" | "warn">): LogLevel {
  let usual = logger.level === "debug" ? "info" : logger.level;

  function change(level: string): void {
    if (level === logger.level) return;
    const before = logger.level;
    if (level !== "debug") usual = level;
    // The change must be logged even if one of the levels hides warnings.
    logger.level = "warn";
    logger.warn({ before, now: level }, "log level changed");
    logger.level = level;
  }
  const toggle = (): void => {
    change(logger.level === "debug" ? usual : "debug");
  };
  process.on("SIGUSR2", toggle);

  return {
    get current() {
      return logger.level;
    },
    set(level) {
      if (level !== "silent" && !Object.hasOwn(levels.values, level)) return false;
      change(level);
      return true;
    },
    stop: () => {
      process.off("SIGUSR2", toggle);
    },
  };
}
