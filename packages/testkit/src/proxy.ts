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
  /**
   * The connections of now go dead, for good and in both directions, as if the other host had vanished: nothing passes and nobody
   * is told; new ones work. With `naming`, only those on which the client sent this text, and until `thaw` also those on which
   * one sends it later.
   */
  freeze(naming?: string): void;
  /** Connections that are made from now on work, whatever is sent on them. */
  thaw(): void;
  close(): Promise<void>;
}

/** A client's connection and what it said first. */
interface Pair {
  readonly client: Socket;
  said: string;
  frozen: boolean;
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
  const pairs = new Set<Pair>();
  let paused = false;
  let doomed: string | undefined;
  let server: Server | undefined;

  const join = (from: Socket, to: Socket, pair: Pair) => {
    sockets.add(from);
    from.on("data", (bytes: Buffer) => {
      if (from === pair.client) {
        // Enough for a login: what a client calls itself is among the first that it sends.
        pair.said = (pair.said + bytes.toString("latin1")).slice(0, 4096);
        if (doomed !== undefined && pair.said.includes(doomed)) pair.frozen = true;
      }
      // Taken in and thrown away, so that the sender's system goes on acknowledging it.
      if (!pair.frozen) to.write(bytes);
    });
    from.on("end", () => {
      if (!pair.frozen) to.end();
    });
    from.on("error", () => undefined);
    from.on("close", () => {
      sockets.delete(from);
      if (from === pair.client) pairs.delete(pair);
      // Whoever ends a dead connection does so alone.
      if (!pair.frozen) to.destroy();
    });
    if (paused) from.pause();
  };
  const listen = async () => {
    const listening = createServer({ allowHalfOpen: true }, (client) => {
      const upstream = connect({ host, port: Number(targetPort), allowHalfOpen: true });
      const pair: Pair = { client, said: "", frozen: false };
      pairs.add(pair);
      join(client, upstream, pair);
      join(upstream, client, pair);
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
    freeze(naming) {
      doomed = naming;
      for (const pair of pairs) pair.frozen ||= naming === undefined || pair.said.includes(naming);
    },
    thaw() {
      doomed = undefined;
    },
    close: () => endAll((socket) => socket.destroy()),
  };
}
