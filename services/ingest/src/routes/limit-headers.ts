import type { AcceptedItem } from "../use-cases/accept-runs.ts";

/**
 * Creates a function that returns the headers of draft-ietf-httpapi-ratelimit-headers. They show how much is left of an
 * application's limit, or of a user's share. The function returns no headers if there is no limit.
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
