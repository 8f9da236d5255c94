import type { Response } from "express";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import { unreadOf, type Unread } from "./unread.ts";

/** A corked stream sends what is written in pieces of about this size, and looks whether the client takes them. */
const maxPieceBytes = 64 * 1024;
const nothing = Buffer.alloc(0);
/** How long a client may take to read the end of a stream. */
const endMs = 2_000;

/** The client of a stream has disconnected. */
export class ClientLeft extends Error {
  override readonly name = "ClientLeft";
}

/** A stream of server-sent events to one client. */
export interface EventStream {
  /** Whether an event of this size may be written; if not, write nothing before `drained`. */
  hasRoom(bytes: number): boolean;
  /**
   * Returns false if the client has not taken everything: then write no more before `drained`. Throws `ClientLeft` if it has left
   * or the stream has ended.
   */
  write(bytes: Buffer): boolean;
  /** Whether the client has yet to take some of what was written. */
  hasUnread(): boolean;
  /** Sends what is written until `uncork` in one piece, or in large ones. */
  cork(): void;
  /** Returns false if the client has not taken everything. */
  uncork(): boolean;
  /**
   * Resolves when the client has taken everything and there is room for more; rejects with `ClientLeft` when it has left or the
   * stream has ended.
   */
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
  const unread = unreadOf(res);
  // A client that sent several requests at once has to wait until the earlier ones are answered.
  if (socket === null) return new Stream(res, unread, onClose);
  socket.setNoDelay(true);
  release(socket, res);
  return new Stream(socket, unread, onClose);
}

/** A class, because a process has thousands of them, and each closure would cost as much as the whole object. */
class Stream implements EventStream {
  readonly #out: Writable;
  readonly #unread: Unread | undefined;
  #isCorked = false;

  constructor(out: Writable, unread: Unread | undefined, onClose: () => void) {
    this.#out = out;
    this.#unread = unread;
    if (out.destroyed) process.nextTick(onClose);
    else out.once("close", onClose);
  }

  hasRoom(bytes: number): boolean {
    return this.#unread?.hasRoom(bytes) ?? true;
  }

  write(bytes: Buffer): boolean {
    this.#expectClient();
    const out = this.#out;
    out.write(bytes);
    if (!this.#isCorked) return this.#isTaken();
    if (out.writableLength < maxPieceBytes) return true;
    out.uncork();
    out.cork();
    return this.#isTaken();
  }

  hasUnread(): boolean {
    return this.#out.writableLength > 0;
  }

  cork(): void {
    this.#isCorked = true;
    this.#out.cork();
  }

  uncork(): boolean {
    this.#isCorked = false;
    this.#out.uncork();
    return this.#isTaken();
  }

  async drained(): Promise<void> {
    this.#expectClient();
    // Done after everything before it, or when the client has left.
    if (this.hasUnread()) await new Promise<unknown>((resolve) => this.#out.write(nothing, resolve));
    this.#unread?.remove(this.#out);
    await this.#unread?.room();
    this.#expectClient();
  }

  #isTaken(): boolean {
    const bytes = this.#out.writableLength;
    if (bytes > 0) this.#unread?.add(this.#out, bytes);
    return bytes === 0;
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
