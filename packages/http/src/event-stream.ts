import type { Response } from "express";
import { once } from "node:events";

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
  /** Resolves when the client has taken enough for more; rejects with `ClientLeft` when it has left. */
  write(bytes: Buffer): Promise<void>;
  end(): void;
  /** Resolves when the client has left or the stream has ended. */
  readonly closed: Promise<void>;
}

/** Begins an answer of server-sent events. A client that reads slowly holds at most 256 KiB and one event. */
export function startEventStream(res: Response): EventStream {
  // nginx passes it on unbuffered.
  res.writeHead(200, {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "private, no-store",
    "X-Accel-Buffering": "no",
  });
  res.flushHeaders();
  res.socket?.setNoDelay(true);
  const closed = once(res, "close").then(() => undefined);
  const expectClient = (): void => {
    if (res.destroyed || res.writableEnded) throw new ClientLeft("The client has left");
  };
  return {
    closed,
    async write(bytes) {
      expectClient();
      if (res.write(bytes) || res.writableLength < maxUnreadBytes) return;
      await Promise.race([once(res, "drain"), closed]);
      expectClient();
    },
    end() {
      if (!res.writableEnded) res.end();
      setTimeout(() => res.destroy(), endMs).unref();
    },
  };
}
