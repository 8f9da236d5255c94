import type { Io } from "../io.ts";

export interface Progress {
  /** Ends the progress and restores the terminal: cursor shown, line wrap on, at the start of a line. */
  stop(): void;
}

const lineIntervalMs = 5_000;
const barIntervalMs = 200;

/** Shows the progress on standard error: a bar at a terminal, and a line every five seconds elsewhere. */
export async function showProgress({ stderr }: Io, total: number, count: () => number): Promise<Progress> {
  const start = { count: count(), at: performance.now() };
  const rate = (): number => {
    const elapsed = (performance.now() - start.at) / 1000;
    return elapsed > 0 ? Math.round((count() - start.count) / elapsed) : 0;
  };
  if (stderr.isTTY !== true) {
    const timer = setInterval(() => {
      const left = rate() > 0 ? `, ${Math.ceil((total - count()) / rate())} s left` : "";
      stderr.write(`${count()} of ${total} messages, ${rate()} per second${left}\n`);
    }, lineIntervalMs);
    return {
      stop: () => {
        clearInterval(timer);
      },
    };
  }
  const { SingleBar } = await import("cli-progress");
  const format = "{bar} {percentage} % | {value}/{total} messages | {rate} per second | {eta_formatted} left";
  // The command handles signals itself. The library's handler would only stop the bar.
  const bar = new SingleBar({ stream: stderr, format, hideCursor: true, etaBuffer: 50, gracefulExit: false });
  bar.start(total, start.count, { rate: 0 });
  const timer = setInterval(() => {
    bar.update(count(), { rate: rate() });
  }, barIntervalMs);
  let isStopped = false;
  return {
    stop() {
      if (isStopped) return;
      isStopped = true;
      clearInterval(timer);
      bar.update(count(), { rate: rate() });
      bar.stop();
    },
  };
}
