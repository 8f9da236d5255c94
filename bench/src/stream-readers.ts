import { connect, type Socket } from "node:net";

// A process of its own: many readers of one stream, which measure when events arrive. It takes commands from its parent.

/** A command of the parent. `open` opens readers, `drop` closes all, `stop` ends the process. */
export type Command =
  | { readonly type: "open"; readonly port: number; readonly path: string; readonly readers: number }
  | { readonly type: "report" }
  | { readonly type: "drop" };

export interface Report {
  readonly caughtUp: number;
  readonly failed: number;
  readonly events: number;
  /** Milliseconds from `created_at` to the arrival, of a sample, ascending. */
  readonly delays: readonly number[];
}

/** Connections that are being opened at a time. */
const atOnce = 500;
let sockets: Socket[] = [];
const seen = { caughtUp: 0, failed: 0, events: 0, delays: [] as number[] };

function read(port: number, path: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      resolve();
    });
    let rest = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      const now = performance.timeOrigin + performance.now();
      const blocks = `${rest}${chunk}`.split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        if (block.includes("event: caught-up")) seen.caughtUp += 1;
        if (!block.includes("event: message")) continue;
        seen.events += 1;
        const at = block.indexOf('"created_at":"') + 14;
        seen.delays.push(now - Date.parse(block.slice(at, at + 24)));
      }
    });
    socket.on("error", () => {
      seen.failed += 1;
      resolve();
    });
    sockets.push(socket);
  });
}

async function open({ port, path, readers }: Extract<Command, { type: "open" }>): Promise<void> {
  for (let left = readers; left > 0; left -= atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, left) }, () => read(port, path)));
  }
}

process.on("message", (command: Command) => {
  if (command.type === "open") void open(command);
  else if (command.type === "drop") {
    for (const socket of sockets) socket.destroy();
    sockets = [];
    Object.assign(seen, { caughtUp: 0, failed: 0, events: 0, delays: [] });
  } else {
    const delays = seen.delays.sort((a, b) => a - b);
    // Enough for the percentiles, and little for the channel.
    const sample = delays.filter((_, at) => at % Math.ceil(delays.length / 10_000) === 0);
    process.send!({ ...seen, delays: sample } satisfies Report);
    seen.delays = [];
    seen.events = 0;
  }
});
