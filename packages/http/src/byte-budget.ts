import { ProblemError } from "@confab/contracts";
import type { Sender } from "./sender.ts";

/** Minimum memory of a parsed value. An empty object takes 56 bytes, and so does a number in a new object. */
const valueBytes = 64;
/**
 * Memory that Node needs for each piece of a body, in addition to its bytes (measured: 700). A piece may be a single
 * byte.
 */
const pieceBytes = 704;
/**
 * Maximum number of parsed values per request: a hundred in each of a thousand messages, not counting their metadata.
 */
const maxRequestValues = 100_000;

export interface ByteBudgetOptions {
  /** Maximum number of bytes that all requests together may hold. */
  readonly bytes: number;
  /** Requests up to this size may also use the last quarter of the budget, which is closed to larger ones. */
  readonly smallBytes?: number;
  /** Time in ms allowed for a body to arrive. After that, the body may be dropped to make room. */
  readonly timeoutMs?: number;
  /**
   * Fraction of an application's half of the budget that the requests of one user may hold together. A single request
   * may hold more.
   */
  readonly userShare?: number;
  /**
   * Whether bodies that arrive in one piece count towards their sender's share even if they are small. If requests wait
   * for each other, many small ones hold as much as a few large ones; otherwise, counting them is not worth it.
   */
  readonly countsSmall?: boolean;
}

/**
 * One request's share of the budget. It is plain data, because closures and getters would cost each request more than
 * the counting.
 */
export interface Lease {
  readonly budget: ByteBudget;
  readonly sender: Sender | undefined;
  held: number;
  /** Number of values parsed from the body so far. */
  values: number;
  /** Number of bytes in `held` that count towards the sender's share. */
  counted: number;
  /** Whether the body has begun to arrive and is not yet complete. */
  isReading: boolean;
  /** Bytes counted for each application that the messages name, by token. */
  assigned: Map<string, number> | undefined;
  /** Called with a `busy` problem if the body is dropped to make room for others while it is still arriving. */
  evict: ((problem: ProblemError) => void) | undefined;
}

export interface ByteBudget {
  open(sender?: Sender): Lease;
  /**
   * Adds a body that has arrived in one piece. Throws a `busy` problem if there is no room for it, and, with
   * `countsSmall`, a `rate-limited` problem if it exceeds the sender's share.
   */
  take(lease: Lease, bytes: number): void;
  /**
   * Adds a piece of a body and counts it towards its sender's share. Throws a `rate-limited` problem if that exceeds
   * the share, and a `busy` problem if there is no room.
   */
  takePiece(lease: Lease, bytes: number): void;
  /**
   * Counts the memory of parsed values. Throws a `busy` problem if there is no room for it, `rate-limited` if it
   * exceeds the sender's share, and `payload-too-large` if the request has too many values.
   */
  charge(lease: Lease, values: number): void;
  /**
   * Counts bytes of a large request for an application, unless the sender's own application already accounts for them.
   * Throws a `rate-limited` problem if the application exceeds half of the budget.
   */
  assign(lease: Lease, token: string | undefined, bytes: number): void;
  /** Marks the body as complete, so that it is no longer dropped. */
  complete(lease: Lease): void;
  /** Returns all bytes of the request to the budget. Repeated calls have no effect. */
  release(lease: Lease): void;
  used(): number;
}

/**
 * Bounds the memory of requests from their first byte until they are answered: their bytes and their values. Bytes
 * count when they arrive, not when they are announced, because announcing them costs a client nothing. One application,
 * or one client address without a key, holds at most half of the budget. When the budget is used up, bodies that arrive
 * slowly are dropped. The last quarter is reserved for small requests, so a few large ones cannot keep out ordinary
 * messages.
 */
export function createByteBudget(options: ByteBudgetOptions): ByteBudget {
  const { bytes: total, smallBytes = 65_536, timeoutMs = 2_000, userShare = 1, countsSmall = false } = options;
  /** Start times of the bodies that are being read, oldest first. Only these bodies may be dropped. */
  const reading = new Map<Lease, number>();
  const owned = new Map<string, number>();
  let used = 0;

  /**
   * Drops the oldest matching body that has been arriving for too long, but neither the body of `lease` nor a later
   * one. Returns whether it dropped a body.
   */
  function dropSlow(lease: Lease, matches: (sender: Sender | undefined) => boolean): boolean {
    const now = performance.now();
    for (const [slow, since] of reading) {
      if (now - since < timeoutMs || slow === lease) return false;
      if (!matches(slow.sender)) continue;
      budget.release(slow);
      slow.evict?.(busy());
      return true;
    }
    return false;
  }

  function makeRoom(lease: Lease, bytes: number): void {
    const limit = lease.held + bytes > smallBytes ? total * 0.75 : total;
    while (used + bytes > limit) if (!dropSlow(lease, () => true)) throw busy();
  }

  function hold(lease: Lease, bytes: number): void {
    if (used + bytes > total * 0.75) makeRoom(lease, bytes);
    used += bytes;
    lease.held += bytes;
  }

  function add(name: string, bytes: number): void {
    const sum = (owned.get(name) ?? 0) + bytes;
    if (sum > 0) owned.set(name, sum);
    else owned.delete(name);
  }
  const isOver = (name: string, bytes: number, limit: number): boolean => (owned.get(name) ?? 0) + bytes > limit;

  /**
   * Counts more bytes towards the sender's share. If the share is used up, the sender's own slow bodies are dropped
   * first.
   */
  function count(lease: Lease, sender: Sender, bytes: number): void {
    const { owner, user } = sender;
    while (isOver(owner, bytes, total / 2)) {
      if (dropSlow(lease, (other) => other?.owner === owner)) continue;
      throw tooMuchOf(sender.isApplication ? "this application" : "this client", "half");
    }
    if (user !== undefined) {
      const limit = Math.max((total / 2) * userShare, lease.counted + bytes);
      while (isOver(nameOf(owner, user), bytes, limit)) {
        if (dropSlow(lease, (other) => other?.owner === owner && other.user === user)) continue;
        throw tooMuchOf("this user", "one user's share (USER_SHARE)");
      }
      add(nameOf(owner, user), bytes);
    }
    add(owner, bytes);
    lease.counted += bytes;
  }

  const budget: ByteBudget = {
    open: (sender) => ({
      budget,
      sender,
      held: 0,
      values: 0,
      counted: 0,
      isReading: false,
      assigned: undefined,
      evict: undefined,
    }),
    take(lease, bytes) {
      if (countsSmall && lease.sender !== undefined) count(lease, lease.sender, bytes);
      hold(lease, bytes);
    },
    takePiece(lease, bytes) {
      if (lease.sender !== undefined) count(lease, lease.sender, bytes + pieceBytes);
      hold(lease, bytes + pieceBytes);
      if (lease.isReading) return;
      lease.isReading = true;
      reading.set(lease, performance.now());
    },
    charge(lease, values) {
      lease.values += values;
      if (lease.values > maxRequestValues) throw tooManyValues();
      hold(lease, values * valueBytes);
      const { sender, held, counted } = lease;
      if (sender !== undefined && (countsSmall || held > smallBytes)) count(lease, sender, held - counted);
    },
    assign(lease, token, bytes) {
      // Small requests are limited in number, so counting them is not worth it.
      if (lease.held <= smallBytes || token === undefined || lease.sender?.isApplication === true) return;
      if (isOver(token, bytes, total / 2)) throw tooMuchOf("this application", "half");
      add(token, bytes);
      lease.assigned ??= new Map();
      lease.assigned.set(token, (lease.assigned.get(token) ?? 0) + bytes);
    },
    complete(lease) {
      if (!lease.isReading) return;
      lease.isReading = false;
      reading.delete(lease);
    },
    release(lease) {
      used -= lease.held;
      lease.held = 0;
      budget.complete(lease);
      const { sender, counted, assigned } = lease;
      if (sender !== undefined && counted > 0) {
        add(sender.owner, -counted);
        if (sender.user !== undefined) add(nameOf(sender.owner, sender.user), -counted);
        lease.counted = 0;
      }
      if (assigned === undefined) return;
      for (const [token, bytes] of assigned) add(token, -bytes);
      lease.assigned = undefined;
    },
    used: () => used,
  };
  return budget;
}

const nameOf = (owner: string, user: string): string => `${owner} ${user}`;

function tooMuchOf(whose: string, part: string): ProblemError {
  return new ProblemError("rate-limited", {
    detail: `Unanswered requests of ${whose} already hold ${part} of this process's memory for requests. Nothing was accepted. Send the request again after Retry-After.`,
  });
}

function tooManyValues(): ProblemError {
  return new ProblemError("payload-too-large", {
    detail: `The request has more than ${maxRequestValues} values besides metadata. Split it.`,
  });
}

function busy(): ProblemError {
  return new ProblemError("busy", {
    detail:
      "Unanswered requests already hold all of this process's memory for requests. Nothing was accepted. Send the request again after Retry-After.",
  });
}
