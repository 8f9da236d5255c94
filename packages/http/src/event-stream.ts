import type { Response } from "express";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";

/** The bytes that a client may leave unread before the writer waits. */
const maxUnreadBytes = 256 * 1024;
/** How long a client may take to read the end of a stream. */
const endMs = 2_000;

/** The client of a stream has disconnected. */
export class ClientLeft extends Error {
  override readonly name = "ClientLeft";
}

/** A stream of server-sent events to one client. */
export interface EventStream {
  /**
   * Returns false if the client has at least 256 KiB to read: then write no more before `drained`. Throws `ClientLeft` if it has
   * left or the stream has ended.
   */
  write(bytes: Buffer): boolean;
  /** Sends what is written until `uncork` in one piece. */
  cork(): void;
  uncork(): void;
  /** Resolves when the client has read everything; rejects with `ClientLeft` when it has left or the stream has ended. */
  drained(): Promise<void>;
  end(): void;
}

/** Begins an answer of server-sent events, which ends with its connection. `onClose` is called once, when the connection has closed. */
export function startEventStream(res: Response, onClose: () => void): EventStream {
  // Without it, HTTP/1.1 needs a frame around each event.
  res.useChunkedEncodingByDefault = false;
  // nginx passes it on unbuffered.
  res.writeHead(200, {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "private, no-store",
    "X-Accel-Buffering": "no",
    Connection: "close",
  });
  res.flushHeaders();
  const { socket } = res;
  // A client that sent several requests at once has to wait until the earlier ones are answered.
  if (socket === null) return new Stream(res, onClose);
  socket.setNoDelay(true);
  release(socket, res);
  return new Stream(socket, onClose);
}

/** A class, because a process has thousands of them, and each closure would cost as much as the whole object. */
class Stream implements EventStream {
  readonly #out: Writable;

  constructor(out: Writable, onClose: () => void) {
    this.#out = out;
    if (out.destroyed) process.nextTick(onClose);
    else out.once("close", onClose);
  }

  write(bytes: Buffer): boolean {
    this.#expectClient();
    return this.#out.write(bytes) || this.#out.writableLength < maxUnreadBytes;
  }

  cork(): void {
    this.#out.cork();
  }

  uncork(): void {
    this.#out.uncork();
  }

  async drained(): Promise<void> {
    const out = this.#out;
    this.#expectClient();
    if (!out.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        out.off("drain", wake).off("close", wake);
        resolve();
      };
      out.on("drain", wake).on("close", wake);
    });
    this.#expectClient();
  }

  end(): void {
    const out = this.#out;
    if (!out.writableEnded) out.end();
    setTimeout(() => out.destroy(), endMs).unref();
  }

  #expectClient(): void {
    if (this.#out.destroyed || this.#out.writableEnded) throw new ClientLeft("The client has left");
  }
}

const serverEvents = ["close", "data", "end", "error", "timeout", "drain", "pause", "resume"] as const;

/**
 * Takes a connection from Node's HTTP server as soon as the request is read, since nothing follows on it. The server would keep the
 * request, the answer, the parser and all that they refer to: most of the memory of a stream.
 */
function release(socket: Socket, res: Response): void {
  const { req } = res;
  const listeners = serverEvents.map((event) => [event, socket.listeners(event)] as const);
  const leave = (): void => {
    if (socket.destroyed) return;
    for (const [event, ofServer] of listeners) {
      for (const listener of ofServer as ((...args: unknown[]) => void)[]) {
        // To the server, the connection is closed: it frees the parser and drops the request, which is complete.
        if (event === "close") listener.call(socket);
        socket.off(event, listener);
      }
    }
    res.detachSocket(socket);
    // The client has nothing more to send, but it may leave.
    socket.on("data", ignore).on("error", ignore).on("end", destroy).on("timeout", destroy).resume();
  };
  if (req.readableEnded) leave();
  else req.once("end", leave).resume();
}

function ignore(): void {
  // The connection closes after an error.
}

function destroy(this: Socket): void {
  this.destroy();
}
