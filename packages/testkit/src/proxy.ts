import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { freePort } from "@confab/local";

/** A TCP proxy whose network can be broken. */
export interface Proxy {
  /** The target's URL with this proxy's host and port. */
  readonly url: string;
  readonly port: number;
  /** Ends every connection at once and refuses new ones. */
  cut(): Promise<void>;
  /** Takes connections again, on the same port. */
  restore(): Promise<void>;
  /** Connections stay open and are accepted, but nothing passes: what is sent waits. */
  pause(): void;
  /** Lets through what waited, and all that follows. */
  resume(): void;
  close(): Promise<void>;
}

/**
 * Starts a proxy before `target`, a URL with host and port, for tests of what happens when the network fails; `host` is the address
 * to listen on.
 */
export async function startProxy({
  target,
  host: address = "127.0.0.1",
}: {
  readonly target: string;
  readonly host?: string;
}): Promise<Proxy> {
  const url = new URL(target);
  const { hostname: host, port: targetPort } = url;
  const port = await freePort();
  const sockets = new Set<Socket>();
  let paused = false;
  let server: Server | undefined;

  const join = (from: Socket, to: Socket) => {
    sockets.add(from);
    from.on("data", (bytes: Buffer) => to.write(bytes));
    from.on("end", () => to.end());
    from.on("error", () => undefined);
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
    if (paused) from.pause();
  };
  const listen = async () => {
    const listening = createServer({ allowHalfOpen: true }, (client) => {
      const upstream = connect({ host, port: Number(targetPort), allowHalfOpen: true });
      join(client, upstream);
      join(upstream, client);
    });
    listening.listen(port, address);
    await once(listening, "listening");
    server = listening;
  };
  const endAll = async (endOne: (socket: Socket) => void) => {
    const closing = server;
    server = undefined;
    const closed = closing === undefined ? undefined : once(closing, "close");
    closing?.close();
    sockets.forEach(endOne);
    await closed;
  };
  await listen();

  url.hostname = "127.0.0.1";
  url.port = String(port);
  return {
    url: url.href,
    port,
    cut: () => endAll((socket) => socket.resetAndDestroy()),
    async restore() {
      if (server === undefined) await listen();
    },
    pause() {
      paused = true;
      for (const socket of sockets) socket.pause();
    },
    resume() {
      paused = false;
      for (const socket of sockets) socket.resume();
    },
    close: () => endAll((socket) => socket.destroy()),
  };
}
