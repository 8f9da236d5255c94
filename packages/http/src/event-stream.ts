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
  /**
   * Returns false if the client has at least 256 KiB to read: then write no more before `drained`. Throws `ClientLeft` if it has
   * left or the stream has ended.
   */
  write(bytes: Buffer): boolean;
  /** Resolves when the client has read everything, or after `release`; rejects with `ClientLeft` when it has left. */
  drained(): Promise<void>;
  /** Ends the wait for the client. */
  release(): void;
  end(): void;
  /** Resolves when the client has left or the stream has ended. */
  readonly closed: Promise<void>;
}

/** Begins an answer of server-sent events. */
export function startEventStream(res: Response): EventStream {
  // nginx passes it on unbuffered.
  res.writeHead(200, {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "private, no-store",
    "X-Accel-Buffering": "no",
  });
  res.flushHeaders();
  res.socket?.setNoDelay(true);
  let wake: (() => void) | undefined;
  const release = (): void => wake?.();
  res.on("drain", release);
  const closed = once(res, "close").then(release);
  const expectClient = (): void => {
    if (res.destroyed || res.writableEnded) throw new ClientLeft("The client has left");
  };
  return {
    closed,
    write(bytes) {
      expectClient();
      return res.write(bytes) || res.writableLength < maxUnreadBytes;
    },
    async drained() {
      expectClient();
      if (!res.writableNeedDrain) return;
      await new Promise<void>((resolve) => (wake = resolve));
      wake = undefined;
      expectClient();
    },
    release,
    end() {
      if (!res.writableEnded) res.end();
      setTimeout(() => res.destroy(), endMs).unref();
    },
  };
}
