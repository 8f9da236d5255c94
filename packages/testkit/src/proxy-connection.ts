import type { Socket } from "node:net";

export type Direction = "requests" | "answers";

/** Effect of an interception on a request and its connection. */
export type Effect =
  /** The request waits, with everything after it, until the interception ends. */
  | "hold-request"
  /** The request is executed. Its answer waits until the interception ends. */
  | "hold-answer"
  /** The request never arrives, and the connection is reset. */
  | "reset-before"
  /** The request is executed, and the connection is reset instead of the answer. */
  | "reset-after"
  /** The request is executed and its answer is lost. The connection stays open, but never carries an answer again. */
  | "drop-answer";

/** An interception whose text the client has sent on this connection. */
export interface Match {
  readonly effect: Effect;
  readonly happened: () => void;
}

export interface ConnectionOptions {
  readonly delayMs: () => number;
  readonly isPaused: (direction: Direction) => boolean;
  /**
   * Returns the interception that the text matches, if any. Receives each chunk from the client, preceded by the end of
   * the bytes before it.
   */
  readonly match: (text: string) => Match | undefined;
  /** Returns whether to freeze a connection on which the client has sent these first bytes. */
  readonly shouldFreeze: (begin: string) => boolean;
  readonly onClose: () => void;
}

export interface Connection {
  /** Passes on everything that may pass now, after a resume or the end of an interception. */
  flush(): void;
  /** Releases everything that `hold-request` and `hold-answer` hold. */
  release(): void;
  /**
   * Makes the connection pass nothing from now on, while neither side notices that the other is unreachable. With
   * `naming`, it does so only if the client's first bytes contain this text.
   */
  freeze(naming?: string): void;
  /** Resets both sides with an RST. */
  reset(): void;
  destroy(): void;
}

interface Chunk {
  readonly at: number;
  readonly what: Buffer | "end" | "close";
}

/** Maximum length in bytes of the text of an interception. */
export const maxTextBytes = 256;

/**
 * Connects a client with the server. Bytes pass both ways in order unless the options or an interception prevent it.
 */
export function joinSockets(client: Socket, server: Socket, options: ConnectionOptions): Connection {
  const waiting: Record<Direction, Chunk[]> = { requests: [], answers: [] };
  const held = new Set<Direction>();
  let expected: Match | undefined;
  let tail = "";
  let frozen = false;
  let begin = "";

  const reset = () => {
    resetSocket(client);
    resetSocket(server);
  };
  const flush = (direction: Direction) => {
    const queue = waiting[direction];
    const to = direction === "requests" ? server : client;
    while (queue[0] !== undefined && !frozen && !held.has(direction) && !options.isPaused(direction)) {
      const wait = queue[0].at - performance.now();
      if (wait > 0.5) {
        setTimeout(flush, Math.ceil(wait), direction).unref();
        return;
      }
      const { what } = queue.shift()!;
      if (what === "end") to.end();
      else if (what === "close") to.destroy();
      else to.write(what);
    }
  };
  const enqueue = (direction: Direction, what: Chunk["what"]) => {
    // The bytes are read and discarded, so this machine still acknowledges them and the sender notices nothing.
    if (frozen) return;
    waiting[direction].push({ at: performance.now() + options.delayMs(), what });
    flush(direction);
  };
  const onRequest = (bytes: Buffer) => {
    const text = tail + bytes.toString("latin1");
    tail = text.slice(-maxTextBytes);
    // This length is enough to find a client's name, which it sends at login, among its first bytes.
    if (begin.length < 4096) begin = (begin + bytes.toString("latin1")).slice(0, 4096);
    frozen ||= options.shouldFreeze(begin);
    const found = expected === undefined && !frozen ? options.match(text) : undefined;
    if (found !== undefined) {
      tail = "";
      if (found.effect === "reset-before") {
        found.happened();
        reset();
        return;
      }
      if (found.effect === "hold-request") {
        held.add("requests");
        found.happened();
      } else expected = found;
    }
    enqueue("requests", bytes);
  };
  const onAnswer = (bytes: Buffer) => {
    const effect = expected?.effect;
    expected?.happened();
    if (effect === "reset-after") {
      resetSocket(client);
      // A reset would be wrong here, because the server may not have read the request yet.
      server.end();
      return;
    }
    if (effect === "drop-answer") {
      frozen = true;
      return;
    }
    if (effect === "hold-answer") held.add("answers");
    expected = undefined;
    enqueue("answers", bytes);
  };
  const listen = (from: Socket, to: Socket, direction: Direction, onData: (bytes: Buffer) => void) => {
    from.on("data", onData);
    from.on("end", () => {
      // The held bytes were in transit when their sender vanished, so they never arrive.
      if (held.has(direction)) to.destroy();
      else enqueue(direction, "end");
    });
    from.on("error", () => undefined);
    from.on("close", () => {
      // If nothing may pass, the other side must not notice that this side has closed.
      if (options.isPaused(direction)) enqueue(direction, "close");
      else if (!frozen) to.destroy();
      if (client.closed && server.closed) options.onClose();
    });
  };
  listen(client, server, "requests", onRequest);
  listen(server, client, "answers", onAnswer);

  const flushBoth = () => {
    flush("requests");
    flush("answers");
  };
  return {
    flush: flushBoth,
    release() {
      held.clear();
      flushBoth();
    },
    freeze(naming) {
      frozen ||= naming === undefined || begin.includes(naming);
    },
    reset,
    destroy() {
      client.destroy();
      server.destroy();
    },
  };
}

/**
 * Resets a socket. A socket that is already ending is destroyed instead: after a reset it would never close, and the
 * process would never exit.
 */
function resetSocket(socket: Socket): void {
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
