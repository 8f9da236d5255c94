import { connect } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

// This file runs as a separate thread. It reads streams with many readers, so that their work does not count as work of
// the service.

export interface CrowdData {
  readonly port: number;
  readonly path: string;
  readonly readers: number;
}

/**
 * A request for a report. When the readers together have read this many events, the thread reports which events they
 * read, and how many readers read them. The next report covers only later events.
 */
export interface Expectation {
  readonly events: number;
}
export type Reading = ReadonlyMap<string, number>;

const { port, path, readers } = workerData as CrowdData;
/** Maximum number of connections to open at the same time. */
const atOnce = 50;
const read = Array<string>(readers).fill("");
let events = 0;
let expected: number | undefined;

function answer(): void {
  if (expected === undefined || events < expected) return;
  const reading = new Map<string, number>();
  for (const text of read) reading.set(text, (reading.get(text) ?? 0) + 1);
  read.fill("");
  events = 0;
  expected = undefined;
  parentPort!.postMessage(reading satisfies Reading);
}

/** Opens a stream. Resolves when it has caught up. */
function open(reader: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    });
    let rest = "";
    socket.setEncoding("latin1").on("error", reject);
    socket.on("data", (chunk: string) => {
      const blocks = `${rest}${chunk}`.split("\n\n");
      rest = blocks.pop()!;
      for (const block of blocks) {
        const event = /^event: (.*)$/m.exec(block)?.[1];
        if (event === "caught-up") resolve();
        else if (event !== undefined) {
          events += 1;
          const what = /"(?:number|type|reason)":("[^"]*"|\d+)/.exec(block)?.[1];
          read[reader] = `${read[reader]}${event} ${what};`;
        }
      }
      answer();
    });
  });
}

parentPort!.on("message", ({ events: count }: Expectation) => {
  expected = count;
  answer();
});
for (let at = 0; at < readers; at += atOnce) {
  await Promise.all(Array.from({ length: Math.min(atOnce, readers - at) }, (_, index) => open(at + index)));
}
parentPort!.postMessage("open");
