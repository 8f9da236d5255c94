import { ProblemError } from "@confab/contracts";

export interface ByteBudgetOptions {
  /** What all requests together may hold. */
  readonly bytes: number;
  /** A request that holds no more than this may use the last quarter too, which larger ones leave free. */
  readonly smallBytes?: number;
  /** How long a large body may take to arrive before it has to make room where that is needed. */
  readonly patienceMs?: number;
}

/** What one request holds of its budget. Data alone, for there is one per request: closures and getters would cost each more than all the counting. */
export interface Lease {
  readonly budget: ByteBudget;
  held: number;
  owners: Map<string, number> | undefined;
  /** Called with a `busy` problem where the body, while it is still being read, has to make room for others. */
  evict: ((problem: ProblemError) => void) | undefined;
}

export interface ByteBudget {
  open(): Lease;
  /** Adds bytes of a body that is being read; throws a `busy` problem where there is no room for them. */
  take(lease: Lease, bytes: number): void;
  /** Counts bytes for the application that a message is for; throws a `rate-limited` problem beyond its half of the budget. */
  assign(lease: Lease, message: unknown, bytes: number): void;
  /** The body is complete: from now on the lease stays, whoever needs room. */
  complete(lease: Lease): void;
  /** Gives everything back; harmless to repeat. */
  release(lease: Lease): void;
  used(): number;
}

/**
 * Bounds what requests keep in memory from their first byte until they are answered. Bytes count as they arrive, not as they are announced, since
 * announcing costs a client nothing. Where all is used, large bodies that come slowly give way, and the last quarter is for small requests alone,
 * so that a few large or slow ones cannot keep out ordinary messages. No application holds more than half with large ones.
 */
export function createByteBudget(options: ByteBudgetOptions): ByteBudget {
  const { bytes: total, smallBytes = 65_536, patienceMs = 2_000 } = options;
  /** Large bodies that are being read and since when, the oldest first: the only ones that can make room. */
  const large = new Map<Lease, number>();
  const owned = new Map<string, number>();
  let used = 0;

  function makeRoom(bytes: number, held: number): void {
    const limit = held + bytes > smallBytes ? total * 0.75 : total;
    while (used + bytes > limit) {
      const [oldest] = large;
      if (oldest === undefined || performance.now() - oldest[1] < patienceMs) throw busy();
      budget.release(oldest[0]);
      oldest[0].evict?.(busy());
    }
  }

  const budget: ByteBudget = {
    open: () => ({ budget, held: 0, owners: undefined, evict: undefined }),
    take(lease, bytes) {
      if (used + bytes > total * 0.75) makeRoom(bytes, lease.held);
      used += bytes;
      lease.held += bytes;
      if (lease.held > smallBytes && !large.has(lease)) large.set(lease, performance.now());
    },
    assign(lease, message, bytes) {
      // Small requests are bounded by their number, and not worth the counting.
      if (lease.held <= smallBytes) return;
      const owner = ownerOf(message);
      if (owner === undefined) return;
      const sum = (owned.get(owner) ?? 0) + bytes;
      if (sum > total / 2) {
        throw new ProblemError("rate-limited", {
          detail:
            "Requests of this application that are not answered yet hold half of the room for all. Nothing of this one was taken.",
        });
      }
      owned.set(owner, sum);
      lease.owners ??= new Map();
      lease.owners.set(owner, (lease.owners.get(owner) ?? 0) + bytes);
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

function busy(): ProblemError {
  return new ProblemError("busy", {
    detail: "Too many bytes of requests are under way here. Nothing of this one was taken.",
  });
}
