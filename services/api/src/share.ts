import { ProblemError } from "@confab/contracts";
import type { Share } from "@confab/http";
import { createFairShare } from "@confab/runtime";

export interface ShareOptions {
  /** The size of the connection pool. */
  readonly poolSize: number;
  /** The part of an application's lists and searches that one user may have in progress. */
  readonly userShare: number;
}

const waitingPerApplication = 100;
const waitMs = 2_000;

/**
 * Lists and searches leave a part of the connection pool to other requests, each application leaves a part to the others, and each
 * user of an application to its other users and its back end.
 */
export function createShare({ poolSize, userShare }: ShareOptions): Share {
  const perApplication = Math.max(1, Math.floor(poolSize / 5));
  const ofApplication = createFairShare({
    total: Math.max(1, poolSize - 2),
    perKey: perApplication,
    waitingPerKey: waitingPerApplication,
    waitMs,
    refuse: (isOwn) => (isOwn ? tooMany("The application", "it may") : busy()),
  });
  // In front of the share of the application, so that what waits here takes no place there.
  const ofUser = createFairShare({
    total: Infinity,
    perKey: Math.max(1, Math.floor(perApplication * userShare)),
    waitingPerKey: Math.max(1, Math.floor(waitingPerApplication * userShare)),
    waitMs,
    refuse: () => tooMany("The user", "one user of the application may (USER_SHARE)"),
  });
  return ({ token, user }, work) =>
    user === undefined ? ofApplication(token, work) : ofUser(`${token} ${user}`, () => ofApplication(token, work));
}

function tooMany(whose: string, limit: string): ProblemError {
  return new ProblemError("rate-limited", {
    detail: `${whose} already has as many lists and searches in progress as ${limit}. Wait for some of them, then send the request again.`,
  });
}

function busy(): ProblemError {
  return new ProblemError("service-unavailable", {
    detail:
      "The service already has as many lists and searches in progress as it can handle. Send the request again after Retry-After.",
  });
}
