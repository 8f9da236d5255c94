import type { Response } from "express";
import type { Writable } from "node:stream";

export interface UnreadOptions {
  /** Maximum bytes that the clients of all streams together have yet to take. */
  readonly maxBytes: number;
  /** How long a client may take to read before its stream may be ended to make room. */
  readonly timeoutMs: number;
}

/** The bytes of streams that clients have not taken yet. */
export interface Unread {
  /** Whether an event of this size may be written. The last quarter is for small ones. */
  hasRoom(bytes: number): boolean;
  /** Counts the bytes that the client of a stream has yet to take, until `remove` or its end. */
  add(out: Writable, bytes: number): void;
  remove(out: Writable): void;
  /** Resolves when there may be room: in the order of the calls, and not for all at once. */
  room(): Promise<void>;
  readonly bytes: number;
}

/** Most events are smaller, and what a stream writes at once is seldom larger. */
const [smallBytes, usualBytes] = [16 * 1024, 64 * 1024];
const lookMs = 100;

/**
 * Bounds the memory of streams whose clients read slowly or not at all. When the memory is used up, writes to other streams wait, and
 * the stream that has been unread for the longest time ends. Its client can continue where it stopped.
 */
export function createUnread({ maxBytes, timeoutMs }: UnreadOptions): Unread {
  const streams = new Map<Writable, { bytes: number; since: number }>();
  const waiting = new Set<() => void>();
  let total = 0;
  let looking: NodeJS.Timeout | undefined;

  function remove(out: Writable): void {
    total -= streams.get(out)?.bytes ?? 0;
    streams.delete(out);
  }
  function removeClosed(this: Writable): void {
    remove(this);
  }
  function hasRoom(bytes: number): boolean {
    const limit = bytes > smallBytes ? 0.75 * maxBytes : maxBytes;
    for (const [out, { since }] of streams) {
      if (total + bytes <= limit || performance.now() - since < timeoutMs) break;
      remove(out);
      if (out.writableLength > 0) out.destroy();
    }
    return total + bytes <= limit;
  }
  /** Lets as many continue as there is room for. */
  function look(): void {
    let expected = usualBytes;
    for (const wake of waiting) {
      if (!hasRoom(expected)) break;
      waiting.delete(wake);
      wake();
      expected += usualBytes;
    }
    if (waiting.size > 0) return;
    clearInterval(looking);
    looking = undefined;
  }

  return {
    hasRoom,
    add(out, bytes) {
      if (out.destroyed) return;
      const known = streams.get(out);
      if (known === undefined) out.once("close", removeClosed);
      streams.set(out, { bytes, since: known?.since ?? performance.now() });
      total += bytes - (known?.bytes ?? 0);
    },
    remove(out) {
      if (!streams.has(out)) return;
      remove(out);
      out.off("close", removeClosed);
    },
    async room() {
      if (waiting.size === 0 && hasRoom(usualBytes)) return;
      looking ??= setInterval(look, lookMs).unref();
      await new Promise<void>((resolve) => waiting.add(resolve));
    },
    get bytes() {
      return total;
    },
  };
}

/** Returns the counter of the server that a stream belongs to. */
export function unreadOf(res: Response): Unread | undefined {
  return (res.app.locals as { unread?: Unread }).unread;
}
