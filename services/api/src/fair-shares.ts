import { ProblemError } from "@confab/contracts";
import type { Owner, FairShares } from "@confab/http";
import { createBuckets, createFairShare } from "@confab/async";

export interface FairSharesOptions {
  /** The size of the connection pool. */
  readonly poolSize: number;
  /** The part of an application's lists, searches and changes that one user may have in progress. */
  readonly userShare: number;
  /** The milliseconds per second that the searches of one application may take, and ten times as much at once; undefined: no limit. */
  readonly searchMsPerSecond: number | undefined;
}

const waitingPerApplication = 100;
/** For all that a request waits for, together. */
const waitMs = 2_000;
/** How many seconds of search time may be used at once. */
const atOnce = 10;

/**
 * Lists, searches and changes leave a part of the connection pool to other requests, each application leaves a part to the others, and
 * each user of an application to its other users and its back end. Changes that lock the same wait for each other here: in the database
 * each of them would hold a session. Requests that wait for messages read in turns of their own, like streams.
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
  // In front of the share of the application, so that what waits here takes no place there.
  const ofUser = createFairShare({
    total: Infinity,
    perKey: perUser,
    waitingPerKey: Math.max(1, Math.floor(waitingPerApplication * userShare)),
    waitMs,
    refuse: refuseUser,
  });
  // Behind the share of the user, who has one place in it then, and in front of that of the application.
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
 * Returns a name of a user of an application, or of the application's own back end, which has no user. They never equal
 * each other.
 */
export const nameOf = ({ token, user }: Owner): string => (user === undefined ? token : `${token} ${user}`);

/** Limits the time that searches take: a few expensive ones would otherwise stop the searches of other applications. */
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
