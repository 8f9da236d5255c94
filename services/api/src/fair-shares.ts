import { ProblemError } from "@confab/contracts";
import type { Owner, FairShares } from "@confab/http";
import { createBuckets, createFairShare } from "@confab/async";

export interface FairSharesOptions {
  /** Number of sessions in the connection pool. */
  readonly poolSize: number;
  /** The part of an application's simultaneous lists, searches and changes that one user may have. */
  readonly userShare: number;
  /**
   * Milliseconds per second that the searches of one application may take. Ten times as much may be used at once. If it
   * is undefined, there is no limit.
   */
  readonly searchMsPerSecond: number | undefined;
}

const waitingPerApplication = 100;
/** Maximum time in ms that a request waits for all its shares together. */
const waitMs = 2_000;
/** Number of seconds whose search time may be used at once. */
const atOnce = 10;

/**
 * Creates the fair shares of lists, searches and changes, which leave a part of the connection pool to other requests.
 * Each application leaves a part to other applications, and each user of an application leaves a part to its other
 * users and its back end. Changes that take the same lock wait for each other here; in the database, each would hold a
 * session while it waits. Long polls do not use these shares: like streams, they use coalesced reads.
 */
export function createFairShares({ poolSize, userShare, searchMsPerSecond }: FairSharesOptions): FairShares {
  const perApplication = Math.max(1, Math.floor(poolSize / 5));
  const ofApplication = createFairShare({
    total: Math.max(1, poolSize - 2),
    perKey: perApplication,
    waitingPerKey: waitingPerApplication,
    waitMs,
    refuse: (isOwn) => (isOwn ? tooMany("The application", "it may") : busy()),
  });
  const perUser = Math.max(1, Math.floor(perApplication * userShare));
  const refuseUser = () => tooMany("The user", "one user of the application may (USER_SHARE)");
  // The user's share comes before the application's share, so that requests waiting for the former take no place in the
  // latter.
  const ofUser = createFairShare({
    total: Infinity,
    perKey: perUser,
    waitingPerKey: Math.max(1, Math.floor(waitingPerApplication * userShare)),
    waitMs,
    refuse: refuseUser,
  });
  // A change waits here when it already has its place in the user's share, and before it takes a place in the
  // application's share.
  const inTurn = createFairShare({
    total: Infinity,
    perKey: 1,
    waitingPerKey: waitingPerApplication,
    waitMs,
    refuse: tooManyOfOne,
  });
  const searches = searchMsPerSecond === undefined ? undefined : createSearchTime(searchMsPerSecond, userShare);

  return (owner, work, kind, waitBudget = {}) => {
    const { token, user } = owner;
    const until = performance.now() + (waitBudget.leftMs ?? waitMs);
    const restMs = () => Math.max(0, until - performance.now());
    const begin = () => {
      waitBudget.leftMs = restMs();
      return work();
    };
    const limited = kind === "search" && searches !== undefined ? () => searches.run(owner, begin) : begin;
    const locks = typeof kind === "object" ? kind.locks : undefined;
    const ofAll = () => {
      const inPlace = () => ofApplication(token, limited, restMs());
      return locks === undefined ? inPlace() : inTurn(locks, inPlace, restMs());
    };
    return user === undefined ? ofAll() : ofUser(nameOf(owner), ofAll, restMs());
  };
}

/**
 * Returns a name for a user of an application, or for the application's own back end, which has no user. No two of
 * these names are equal.
 */
export const nameOf = ({ token, user }: Owner): string => (user === undefined ? token : `${token} ${user}`);

/**
 * Limits the time that searches take. Otherwise, a few expensive searches would block the searches of other
 * applications.
 */
function createSearchTime(msPerSecond: number, userShare: number) {
  const ofApplications = createBuckets({ perSecond: msPerSecond, burst: atOnce * msPerSecond });
  const ofUsers = createBuckets({ perSecond: msPerSecond * userShare, burst: atOnce * msPerSecond * userShare });

  function expectTime(waitMs: number, whose: string): void {
    if (waitMs === 0) return;
    throw new ProblemError("rate-limited", {
      detail: `The searches of ${whose} have taken more time than they may. Send the request again after Retry-After, or search less: in fewer chats, in a shorter time or for fewer words.`,
      retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1_000)),
    });
  }

  return {
    async run<T>(owner: Owner, work: () => Promise<T>): Promise<T> {
      const { token, user } = owner;
      expectTime(ofApplications.waitOf(token), "the application");
      if (user !== undefined) expectTime(ofUsers.waitOf(nameOf(owner)), "the user (USER_SHARE)");
      const began = performance.now();
      try {
        return await work();
      } finally {
        const ms = performance.now() - began;
        ofApplications.take(token, ms);
        if (user !== undefined) ofUsers.take(nameOf(owner), ms);
      }
    },
  };
}

function tooMany(whose: string, limit: string): ProblemError {
  return new ProblemError("rate-limited", {
    detail: `${whose} already has as many lists, searches and changes in progress as ${limit}. Wait for some of them, then send the request again.`,
  });
}

function tooManyOfOne(): ProblemError {
  return new ProblemError("rate-limited", {
    detail:
      "Changes of one chat or of one application wait for each other, and too many are waiting, or for too long. Nothing was changed. Send the request again after Retry-After, and fewer at the same time.",
  });
}

function busy(): ProblemError {
  return new ProblemError("service-unavailable", {
    detail:
      "The service already has as many lists, searches and changes in progress as it can handle. Send the request again after Retry-After.",
  });
}
