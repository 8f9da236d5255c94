import { CommandError } from "./errors.ts";

/**
 * Runs work and aborts its signal on Ctrl-C or SIGTERM, with this message as the error. A second Ctrl-C ends the
 * process at once, as usual.
 */
export async function interruptible<T>(message: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = new AbortController();
  const interrupt = (): void => {
    interruption.abort(new CommandError("interrupted", message));
  };
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    return await work(interruption.signal);
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}
