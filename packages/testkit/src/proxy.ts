import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { freePort } from "@confab/local";
import { joinSockets, longestText } from "./proxy-connection.ts";
import type { Connection, Direction, Effect, Match } from "./proxy-connection.ts";

/** Ends by `end`, or after as many requests as were wanted. */
export interface Interception {
  /** Resolves at the first request it met: at its answer, where the effect is about that. */
  readonly happened: Promise<void>;
  /** Intercepts nothing more and lets go what it held. */
  end(): void;
}

/** A TCP proxy whose network can be broken. */
export interface Proxy {
  /** The target's URL with this proxy's host and port. */
  readonly url: string;
  readonly port: number;
  /** Ends every connection at once and refuses new ones. */
  cut(): Promise<void>;
  /** Takes connections again, on the same port. */
  restore(): Promise<void>;
  /** Connections stay open and are accepted, but nothing passes, or nothing in one direction: what is sent waits. */
  pause(direction?: Direction): void;
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
  /** Resets every connection; new ones work. */
  reset(): void;
  /** From now on each byte arrives so many milliseconds later; 0 ends it. */
  delay(ms: number): void;
  /** Sends new connections to another server and resets those that exist, as an address that moves does. */
  retarget(url: string): void;
  /**
   * Does `effect` to the next requests (one, unless `times` says more) in which a client sends `text`, of at most 256
   * bytes, as it is on the wire.
   */
  intercept(text: string, effect: Effect, options?: { readonly times?: number }): Interception;
  close(): Promise<void>;
}

interface Watch extends Match {
  readonly text: string;
  left: number;
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
  let { hostname: host, port: targetPort } = url;
  const port = await freePort();
  const connections = new Set<Connection>();
  const paused = new Set<Direction>();
  const watches = new Set<Watch>();
  let delayMs = 0;
  let doomed: string | undefined;
  let server: Server | undefined;

  const match = (text: string): Match | undefined => {
    for (const watch of watches) {
      if (watch.left === 0 || !text.includes(watch.text)) continue;
      watch.left -= 1;
      return watch;
    }
    return undefined;
  };
  const listen = async () => {
    const listening = createServer({ allowHalfOpen: true }, (client) => {
      const upstream = connect({ host, port: Number(targetPort), allowHalfOpen: true });
      const connection = joinSockets(client, upstream, {
        delayMs: () => delayMs,
        isPaused: (direction) => paused.has(direction),
        match,
        isDoomed: (begin) => doomed !== undefined && begin.includes(doomed),
        onClose: () => connections.delete(connection),
      });
      connections.add(connection);
    });
    listening.listen(port, address);
    await once(listening, "listening");
    server = listening;
  };
  const endAll = async (endOne: (connection: Connection) => void) => {
    const closing = server;
    server = undefined;
    const closed = closing === undefined ? undefined : once(closing, "close");
    closing?.close();
    connections.forEach(endOne);
    await closed;
  };
  const reset = () => {
    for (const connection of connections) connection.reset();
  };
  await listen();

  url.hostname = "127.0.0.1";
  url.port = String(port);
  return {
    url: url.href,
    port,
    cut: () =>
      endAll((connection) => {
        connection.reset();
      }),
    async restore() {
      if (server === undefined) await listen();
    },
    pause(direction) {
      for (const one of direction === undefined ? (["requests", "answers"] as const) : [direction]) paused.add(one);
    },
    resume() {
      paused.clear();
      for (const connection of connections) connection.flush();
    },
    freeze(naming) {
      doomed = naming;
      for (const connection of connections) connection.freeze(naming);
    },
    thaw() {
      doomed = undefined;
    },
    reset,
    delay(ms) {
      delayMs = ms;
    },
    retarget(to) {
      ({ hostname: host, port: targetPort } = new URL(to));
      reset();
    },
    intercept(text, effect, { times = 1 } = {}) {
      if (text.length > longestText) throw new Error(`an interception's text has at most ${longestText} bytes`);
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const happened = () => {
        resolve(undefined);
      };
      const watch: Watch = { text, effect, left: times, happened };
      watches.add(watch);
      return {
        happened: promise,
        end() {
          watches.delete(watch);
          for (const connection of connections) connection.release();
        },
      };
    },
    close: () =>
      endAll((connection) => {
        connection.destroy();
      }),
  };
}
