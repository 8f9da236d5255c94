import { ProblemError } from "@confab/contracts";

export interface ByteBudgetOptions {
  /** What all requests together may hold. */
  readonly bytes: number;
  /** A request that holds no more than this may use the last quarter too, which larger ones leave free. */
  readonly smallBytes?: number;
  /** How long a large body may take to arrive before it has to make room where that is needed. */
  readonly patienceMs?: number;
}

/** What one request holds of the budget. */
export interface Lease {
  /** Adds bytes of a body that is being read; throws a `busy` problem where there is no room for them. */
  take(bytes: number): void;
  /** Counts bytes for the application that a message is for; throws a `rate-limited` problem beyond its half of the budget. */
  assign(message: unknown, bytes: number): void;
  /** The body is complete: from now on the lease stays, whoever needs room. */
  complete(): void;
  /** Called with a `busy` problem where the body, while it is still being read, has to make room for others. */
  onEvict(evict: (problem: ProblemError) => void): void;
  /** Gives everything back; harmless to repeat. */
  release(): void;
  readonly held: number;
}

export interface ByteBudget {
  open(): Lease;
  readonly used: number;
}

/**
 * Bounds what requests keep in memory from their first byte until they are answered. Bytes count as they arrive, not as they are announced, since
 * announcing costs a client nothing. Where all is used, large bodies that come slowly give way, and the last quarter is for small requests alone,
 * so that a few large or slow ones cannot keep out ordinary messages. No application holds more than half.
 */
export function createByteBudget({
  bytes: total,
  smallBytes = 65_536,
  patienceMs = 2_000,
}: ByteBudgetOptions): ByteBudget {
  /** Large bodies that are being read, the oldest first: the only ones that can make room. */
  const large = new Map<Lease, { since: number; evict: () => void }>();
  const owners = new Map<string, number>();
  let used = 0;

  function makeRoom(bytes: number, held: number): void {
    const limit = held + bytes > smallBytes ? total * 0.75 : total;
    while (used + bytes > limit) {
      const [oldest] = large.values();
      if (oldest === undefined || performance.now() - oldest.since < patienceMs) throw busy();
      oldest.evict();
    }
  }

  function open(): Lease {
    let held = 0;
    let evict: ((problem: ProblemError) => void) | undefined;
    let assigned: Map<string, number> | undefined;
    const lease: Lease = {
      take(bytes) {
        if (used + bytes > total * 0.75) makeRoom(bytes, held);
        used += bytes;
        held += bytes;
        if (held > smallBytes && !large.has(lease)) {
          large.set(lease, {
            since: performance.now(),
            evict: () => {
              lease.release();
              evict?.(busy());
            },
          });
        }
      },
      assign(message, bytes) {
        const owner = ownerOf(message);
        if (owner === undefined) return;
        const owned = (owners.get(owner) ?? 0) + bytes;
        if (owned > total / 2) {
          throw new ProblemError("rate-limited", {
            detail:
              "Requests of this application that are not answered yet hold half of the room for all. Nothing of this one was taken.",
          });
        }
        owners.set(owner, owned);
        assigned ??= new Map<string, number>();
        assigned.set(owner, (assigned.get(owner) ?? 0) + bytes);
      },
      onEvict(listener) {
        evict = listener;
      },
      complete() {
        if (held > smallBytes) large.delete(lease);
      },
      release() {
        if (held > smallBytes) large.delete(lease);
        used -= held;
        held = 0;
        for (const [owner, bytes] of assigned ?? []) {
          const left = (owners.get(owner) ?? 0) - bytes;
          if (left > 0) owners.set(owner, left);
          else owners.delete(owner);
        }
        assigned = undefined;
      },
      get held() {
        return held;
      },
    };
    return lease;
  }

  return {
    open,
    get used() {
      return used;
    },
  };
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
