import { ProblemError } from "@confab/contracts";

/** The least memory of a parsed value. An empty object takes 56 bytes, and so does a number in a new object. */
const valueBytes = 64;
/** Maximum parsed values of one request: a hundred in each of a thousand messages, besides their metadata. */
const maxRequestValues = 100_000;

export interface ByteBudgetOptions {
  /** Maximum bytes of all requests together. */
  readonly bytes: number;
  /** Requests up to this size may also use the last quarter, which larger ones leave free. */
  readonly smallBytes?: number;
  /** How long a large body may take to arrive before it may be dropped to make room. */
  readonly timeoutMs?: number;
  /** The part of an application's half that requests of one user hold; one request may hold more. */
  readonly userShare?: number;
}

/** The share of one request. It is plain data, because closures and getters would cost each request more than the counting. */
export interface Lease {
  readonly budget: ByteBudget;
  /** The user whose token was sent. */
  readonly user: string | undefined;
  held: number;
  /** The parsed values of the body. */
  values: number;
  owners: Map<string, number> | undefined;
  /** Called with a `busy` problem if the body is dropped, while it is being read, to make room for others. */
  evict: ((problem: ProblemError) => void) | undefined;
}

export interface ByteBudget {
  open(user?: string): Lease;
  /** Adds bytes of a body that is being read; throws a `busy` problem if there is no room for them. */
  take(lease: Lease, bytes: number): void;
  /**
   * Counts the memory of parsed values; throws a `busy` problem if there is no room for it, and `payload-too-large` if the request
   * has too many values.
   */
  charge(lease: Lease, values: number): void;
  /**
   * Counts bytes for a message's application and its user; throws a `rate-limited` problem beyond the application's half of the budget
   * or the user's share of that.
   */
  assign(lease: Lease, message: unknown, bytes: number): void;
  /** Marks the body as complete: from now on it is not dropped. */
  complete(lease: Lease): void;
  /** Returns everything to the budget; may be repeated. */
  release(lease: Lease): void;
  used(): number;
}

/**
 * Bounds the memory of requests from their first byte until they are answered: their bytes and their values. Bytes count when they arrive, not when they
 * are announced, since announcing costs a client nothing. When the budget is used up, large bodies that arrive slowly are
 * dropped. The last quarter is for small requests alone, so a few large or slow ones cannot keep out ordinary messages. Large
 * requests of one application hold at most half of the budget.
 */
export function createByteBudget(options: ByteBudgetOptions): ByteBudget {
  const { bytes: total, smallBytes = 65_536, timeoutMs = 2_000, userShare = 1 } = options;
  /** Large bodies that are being read and when they began, the oldest first: the only ones that may be dropped. */
  const large = new Map<Lease, number>();
  const owned = new Map<string, number>();
  let used = 0;

  function makeRoom(bytes: number, held: number): void {
    const limit = held + bytes > smallBytes ? total * 0.75 : total;
    while (used + bytes > limit) {
      const [oldest] = large;
      if (oldest === undefined || performance.now() - oldest[1] < timeoutMs) throw busy();
      budget.release(oldest[0]);
      oldest[0].evict?.(busy());
    }
  }

  /** Counts bytes for an owner, unless all of its requests together would hold more than the limit. */
  function own(lease: Lease, owner: string, bytes: number, limit: number): boolean {
    const sum = (owned.get(owner) ?? 0) + bytes;
    if (sum > limit) return false;
    owned.set(owner, sum);
    lease.owners ??= new Map();
    lease.owners.set(owner, (lease.owners.get(owner) ?? 0) + bytes);
    return true;
  }

  const budget: ByteBudget = {
    open: (user) => ({ budget, user, held: 0, values: 0, owners: undefined, evict: undefined }),
    take(lease, bytes) {
      if (used + bytes > total * 0.75) makeRoom(bytes, lease.held);
      used += bytes;
      lease.held += bytes;
      if (lease.held > smallBytes && !large.has(lease)) large.set(lease, performance.now());
    },
    charge(lease, values) {
      lease.values += values;
      if (lease.values > maxRequestValues) throw tooManyValues();
      const bytes = values * valueBytes;
      if (used + bytes > total * 0.75) makeRoom(bytes, lease.held);
      used += bytes;
      lease.held += bytes;
    },
    assign(lease, message, bytes) {
      // Small requests are bounded by their number, so counting them is not worth it.
      if (lease.held <= smallBytes) return;
      const owner = ownerOf(message);
      if (owner === undefined) return;
      if (!own(lease, owner, bytes, total / 2)) throw tooMuchOf("this application", "half");
      if (lease.user === undefined) return;
      const ofUser = `${owner} ${lease.user}`;
      const limit = Math.max((total / 2) * userShare, lease.held);
      if (!own(lease, ofUser, bytes, limit)) throw tooMuchOf("this user", "one user's share (USER_SHARE)");
    },
    complete(lease) {
      if (lease.held > smallBytes) large.delete(lease);
    },
    release(lease) {
      if (lease.held > smallBytes) large.delete(lease);
      used -= lease.held;
      lease.held = 0;
      if (lease.owners === undefined) return;
      for (const [owner, bytes] of lease.owners) {
        const left = (owned.get(owner) ?? 0) - bytes;
        if (left > 0) owned.set(owner, left);
        else owned.delete(owner);
      }
      lease.owners = undefined;
    },
    used: () => used,
  };
  return budget;
}

function ownerOf(message: unknown): string | undefined {
  if (typeof message !== "object" || message === null || !("application_token" in message)) return undefined;
  return typeof message.application_token === "string" ? message.application_token : undefined;
}

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
