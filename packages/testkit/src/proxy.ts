import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { freePort } from "@confab/local";
import {
  joinSockets,
  maxTextBytes,
  type Connection,
  type Direction,
  type Effect,
  type Match,
} from "./proxy-connection.ts";

/** A rule that applies an effect to requests. It ends when `end` is called, or after the given number of requests. */
export interface Interception {
  /** Resolves on the first intercepted request, or on its answer if the effect concerns the answer. */
  readonly happened: Promise<void>;
  /** Stops intercepting, and releases everything that the interception held. */
  end(): void;
}

/** A TCP proxy that simulates network failures. */
export interface Proxy {
  /** URL of the target, with the host and port of this proxy. */
  readonly url: string;
  readonly port: number;
  /** Ends every connection at once, and refuses new ones. */
  cut(): Promise<void>;
  /** Accepts connections again on the same port. */
  restore(): Promise<void>;
  /** Holds back bytes, in both directions or in one. Connections stay open, and new ones are accepted. */
  pause(direction?: Direction): void;
  /** Passes on the bytes that were held back, and everything after them. */
  resume(): void;
  /**
   * Makes existing connections pass nothing any more, in both directions and without any sign, as if the other host had
   * vanished. New connections work. With `naming`, it affects only connections on which the client sends this text, and
   * until `thaw` also new ones.
   */
  freeze(naming?: string): void;
  /** Lets new connections work from now on, whatever is sent on them. */
  thaw(): void;
  /** Resets every connection. New connections work. */
  reset(): void;
  /** Delays every byte by this many milliseconds from now on, in both directions; 0 ends the delay. */
  delay(ms: number): void;
  /** Sends new connections to another server, and resets the existing ones, as if the address had moved. */
  retarget(url: string): void;
  /**
   * Applies `effect` to the next requests in which a client sends `text`, exactly as it appears on the wire and at most
   * 256 bytes long. It affects one request unless `times` is higher.
   */
  intercept(text: string, effect: Effect, options?: { readonly times?: number }): Interception;
  close(): Promise<void>;
}

interface Watch extends Match {
  readonly text: string;
  left: number;
}

/**
 * Starts a proxy in front of `target`, a URL with host and port, to test network failures. `host` is the address on
 * which the proxy listens.
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
  let frozenName: string | undefined;
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
        shouldFreeze: (begin) => frozenName !== undefined && begin.includes(frozenName),
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
      frozenName = naming;
      for (const connection of connections) connection.freeze(naming);
    },
    thaw() {
      frozenName = undefined;
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
      if (text.length > maxTextBytes)
        throw new Error(`the text of an interception may have at most ${maxTextBytes} bytes`);
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
