import type { Socket } from "node:net";

export type Direction = "requests" | "answers";

/** What happens to a request that is intercepted, and to its connection. */
export type Effect =
  /** It waits, with all that follows it, until the interception ends. */
  | "hold-request"
  /** It is carried out; its answer waits until the interception ends. */
  | "hold-answer"
  /** It never arrives, and the connection is reset. */
  | "reset-before"
  /** It is carried out, and the connection is reset in place of the answer. */
  | "reset-after"
  /** It is carried out, its answer is lost, and the connection stays open without ever carrying an answer again. */
  | "drop-answer";

/** Decides about one connection: an interception that has seen its text in what the client sent. */
export interface Match {
  readonly effect: Effect;
  readonly happened: () => void;
}

export interface ConnectionOptions {
  readonly delayMs: () => number;
  readonly isPaused: (direction: Direction) => boolean;
  /** Asked for each piece of what the client sends, with the end of what came before it. */
  readonly match: (text: string) => Match | undefined;
  /** Whether a client that begins with this is to be frozen. */
  readonly isDoomed: (begin: string) => boolean;
  readonly onClose: () => void;
}

export interface Connection {
  /** Passes on what may pass now: after a resume, or the end of an interception. */
  flush(): void;
  /** Ends what `hold-request` and `hold-answer` hold back. */
  release(): void;
  /** From now on nothing passes, and neither side learns of the other; with `naming` only where the client has begun with this text. */
  freeze(naming?: string): void;
  /** RST to both sides. */
  reset(): void;
  destroy(): void;
}

interface Piece {
  readonly at: number;
  readonly what: Buffer | "end" | "close";
}

/** The longest text that an interception can look for. */
export const longestText = 256;

/** Joins a client to the server: bytes pass both ways in their order, unless the options or an interception say otherwise. */
export function joinSockets(client: Socket, server: Socket, options: ConnectionOptions): Connection {
  const waiting: Record<Direction, Piece[]> = { requests: [], answers: [] };
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
  const enqueue = (direction: Direction, what: Piece["what"]) => {
    // Taken in and thrown away, so that the sender's system goes on acknowledging it.
    if (frozen) return;
    waiting[direction].push({ at: performance.now() + options.delayMs(), what });
    flush(direction);
  };
  const onRequest = (bytes: Buffer) => {
    const text = tail + bytes.toString("latin1");
    tail = text.slice(-longestText);
    // Enough for a login: what a client calls itself is among the first that it sends.
    if (begin.length < 4096) begin = (begin + bytes.toString("latin1")).slice(0, 4096);
    frozen ||= options.isDoomed(begin);
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
      // Not a reset: the server may still have to read what it is to carry out.
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
      // What is held was on its way when its sender died: it never arrives.
      if (held.has(direction)) to.destroy();
      else enqueue(direction, "end");
    });
    from.on("error", () => undefined);
    from.on("close", () => {
      // Where nothing passes, nobody learns that the other side has gone.
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

/** A socket that is ending cannot be reset as well: it would never close, and the process would never exit. */
function resetSocket(socket: Socket): void {
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
