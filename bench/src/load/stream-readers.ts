import { connect, type Socket } from "node:net";

// This file runs as a separate process. It opens many readers of one stream, checks their events and measures the
// delays.

/** A command from the parent. `open` opens readers, `drop` closes all of them. */
export type Command =
  | {
      readonly type: "open";
      readonly port: number;
      readonly path: string;
      readonly readers: number;
      /**
       * The message numbers after which the readers begin, in turn. If the list is empty, the readers begin with new
       * messages.
       */
      readonly after: readonly number[];
    }
  | { readonly type: "report" }
  | { readonly type: "drop" };

/** Results since the last report. `caughtUp` and `failed` count since the last `drop`. */
export interface Report {
  /** How many readers have caught up. */
  readonly caughtUp: number;
  readonly failed: number;
  readonly events: number;
  /** How many events came twice or after a gap. */
  readonly faults: number;
  /** Milliseconds from `created_at` to the arrival, for a sample of the events, in ascending order. */
  readonly delays: readonly number[];
}

/** Maximum number of connections to open at the same time. */
const atOnce = 500;
/** Number of local addresses to spread the connections over, because one address has too few ports. */
const addresses = 16;
let sockets: Socket[] = [];
const seen = { caughtUp: 0, failed: 0, events: 0, faults: 0, delays: [] as number[] };

/** Opens a reader. Resolves when it is connected, or when the connection fails. */
function read(port: number, path: string, after: number | undefined, address: string): Promise<void> {
  return new Promise((resolve) => {
    const query = after === undefined ? "" : `?after=${after}`;
    const socket = connect(port, address, () => {
      socket.write(`GET ${path}${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      resolve();
    });
    let rest = "";
    let last = after;
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      const now = performance.timeOrigin + performance.now();
      const text = rest + chunk;
      let from = 0;
      for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n", from)) {
        take(text.slice(from, end), now);
        from = end + 2;
      }
      rest = text.slice(from);
    });
    function take(block: string, now: number): void {
      const at = block.indexOf("id: ");
      if (at === -1) return;
      const number = Number.parseInt(block.slice(at + 4), 10);
      if (block.includes("event: caught-up", at)) {
        seen.caughtUp += 1;
        last ??= number;
        if (number !== last) seen.faults += 1;
        return;
      }
      if (!block.includes("event: message", at)) return;
      seen.events += 1;
      if (last !== undefined && number !== last + 1) seen.faults += 1;
      last = number;
      const created = block.indexOf('"created_at":"', at) + 14;
      seen.delays.push(now - Date.parse(block.slice(created, created + 24)));
    }
    socket.on("error", () => {
      seen.failed += 1;
      resolve();
    });
    sockets.push(socket);
  });
}

async function open({ port, path, readers, after }: Extract<Command, { type: "open" }>): Promise<void> {
  let opened = 0;
  while (opened < readers) {
    const some = Array.from({ length: Math.min(atOnce, readers - opened) }, () => {
      const at = opened++;
      return read(port, path, after[at % after.length], `127.0.0.${1 + (at % addresses)}`);
    });
    await Promise.all(some);
  }
}

process.on("message", (command: Command) => {
  if (command.type === "open") void open(command);
  else if (command.type === "drop") {
    for (const socket of sockets) socket.destroy();
    sockets = [];
    Object.assign(seen, { caughtUp: 0, failed: 0 });
  } else {
    const delays = seen.delays.sort((a, b) => a - b);
    // A sample of this size is enough for the percentiles and small enough for the channel.
    const sample = delays.filter((_, at) => at % Math.ceil(delays.length / 10_000) === 0);
    process.send!({ ...seen, delays: sample } satisfies Report);
    Object.assign(seen, { delays: [], events: 0, faults: 0 });
  }
});
