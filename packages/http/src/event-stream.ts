import type { Response } from "express";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import { unreadOf, type Unread } from "./unread.ts";

/** A corked stream sends in pieces of about this size and checks after each whether the client has taken it. */
const maxPieceBytes = 64 * 1024;
const nothing = Buffer.alloc(0);
/** Time in ms that a client has to read the end of a stream. */
const endMs = 2_000;

/** Thrown when the client of a stream has disconnected or the stream has ended. */
export class ClientLeft extends Error {
  override readonly name = "ClientLeft";
}

/** A stream of server-sent events to one client. */
export interface EventStream {
  /** Returns whether an event of this size may be written. If not, write nothing until `drained` resolves. */
  hasRoom(bytes: number): boolean;
  /**
   * Sends bytes or, after `cork`, collects them. Returns false if the client has not taken everything that was sent. In
   * that case, write nothing until `drained` resolves. Throws `ClientLeft` if the client has left or the stream has
   * ended.
   */
  write(bytes: Buffer): boolean;
  /** Returns whether the client has not yet taken everything that was written. */
  hasUnread(): boolean;
  /** Collects everything that is written until `uncork` and sends it in one piece, or in large pieces. */
  cork(): void;
  /** Returns false if the client has not taken everything. */
  uncork(): boolean;
  /**
   * Resolves when the client has taken everything and there is room for more. Rejects with `ClientLeft` if the client
   * has left or the stream has ended.
   */
  drained(): Promise<void>;
  end(): void;
}

/**
 * Begins an answer of server-sent events, which lasts as long as its connection. `onClose` is called once, when the
 * connection has closed.
 */
export function startEventStream(res: Response, onClose: () => void): EventStream {
  // Chunked encoding would add a frame around each event. Closing the connection ends the answer instead.
  res.useChunkedEncodingByDefault = false;
  // `X-Accel-Buffering` makes nginx pass the stream on unbuffered.
  res.writeHead(200, {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "private, no-store",
    "X-Accel-Buffering": "no",
    Connection: "close",
  });
  res.flushHeaders();
  const { socket } = res;
  const unread = unreadOf(res);
  // If a client pipelines requests, the answer has no socket until the earlier requests are answered.
  if (socket === null) return new Stream(res, unread, onClose);
  socket.setNoDelay(true);
  release(socket, res);
  return new Stream(socket, unread, onClose);
}

/**
 * This is a class because a process has thousands of streams, and each closure would cost as much memory as a whole
 * object.
 */
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
    // The callback runs when everything written before has been sent, or when the client has left.
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
 * Takes a connection from Node's HTTP server as soon as the request is read, since no other request follows. Otherwise,
 * the server would keep the request, the answer, the parser and everything that they refer to, which is most of a
 * stream's memory.
 */
function release(socket: Socket, res: Response): void {
  const { req } = res;
  const listeners = serverEvents.map((event) => [event, socket.listeners(event)] as const);
  const leave = (): void => {
    if (socket.destroyed) return;
    for (const [event, ofServer] of listeners) {
      for (const listener of ofServer as ((...args: unknown[]) => void)[]) {
        // This makes the server believe that the connection is closed. The server then frees the parser and drops the
        // request, which is complete.
        if (event === "close") listener.call(socket);
        socket.off(event, listener);
      }
    }
    res.detachSocket(socket);
    // The client has nothing more to send, but it may disconnect.
    socket.on("data", ignore).on("error", ignore).on("end", destroy).on("timeout", destroy).resume();
  };
  if (req.readableEnded) leave();
  else req.once("end", leave).resume();
}

function ignore(): void {
  // The client should send nothing more, and an error needs no handling, because the connection closes after it.
}

function destroy(this: Socket): void {
  this.destroy();
}
