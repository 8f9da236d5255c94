import type { AcceptedItem } from "../use-cases/accept-runs.ts";

/**
 * Creates the headers that say how much of its limit an application has left, or its user of the user's share, as in
 * draft-ietf-httpapi-ratelimit-headers; empty if there is no limit.
 */
export function createLimitHeaders(rate: number, burst: number, userShare: number) {
  const seconds = Math.ceil(burst / rate);
  const policy = `"messages";q=${burst};w=${seconds}`;
  const policyOfUser = `"messages";q=${Math.max(1, Math.floor(burst * userShare))};w=${seconds}`;
  return (limit: AcceptedItem["limit"]): Record<string, string> => {
    if (rate === 0 || limit === undefined) return {};
    const { remaining, resetMs, ofUser } = limit;
    return {
      "RateLimit-Policy": ofUser ? policyOfUser : policy,
      RateLimit: `"messages";r=${Math.max(0, remaining)};t=${Math.ceil(resetMs / 1000)}`,
    };
  };
}
