import { SingleBar } from "cli-progress";
import type { Io } from "../io.ts";

export interface Progress {
  stop(): void;
}

const LINE_EVERY_MS = 5_000;
const BAR_EVERY_MS = 200;

/** Shows how far it is on standard error: a bar at a terminal, elsewhere a line every five seconds. */
export function showProgress({ stderr }: Io, total: number, count: () => number): Progress {
  const begun = { count: count(), at: performance.now() };
  const rate = (): number => {
    const elapsed = (performance.now() - begun.at) / 1000;
    return elapsed > 0 ? Math.round((count() - begun.count) / elapsed) : 0;
  };
  if (!stderr.isTTY) {
    const timer = setInterval(() => {
      const left = rate() > 0 ? `, ${Math.ceil((total - count()) / rate())} s left` : "";
      stderr.write(`${count()} of ${total} messages, ${rate()}/s${left}\n`);
    }, LINE_EVERY_MS);
    return {
      stop: () => {
        clearInterval(timer);
      },
    };
  }
  const format = "{bar} {percentage} % | {value}/{total} messages | {rate}/s | {eta_formatted} left";
  const bar = new SingleBar({ stream: stderr, format, hideCursor: true, etaBuffer: 50 });
  bar.start(total, begun.count, { rate: 0 });
  const timer = setInterval(() => {
    bar.update(count(), { rate: rate() });
  }, BAR_EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      bar.update(count(), { rate: rate() });
      bar.stop();
    },
  };
}
