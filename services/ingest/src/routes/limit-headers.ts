import type { AcceptedItem } from "../use-cases/accept-runs.ts";

/** How much of its limit an application has left, as in draft-ietf-httpapi-ratelimit-headers; empty if there is no limit. */
export function createLimitHeaders(rate: number, burst: number) {
  const policy = `"messages";q=${burst};w=${Math.ceil(burst / rate)}`;
  return (limit: AcceptedItem["limit"]): Record<string, string> => {
    if (rate === 0 || limit === undefined) return {};
    const { remaining, resetMs } = limit;
    return {
      "RateLimit-Policy": policy,
      RateLimit: `"messages";r=${Math.max(0, remaining)};t=${Math.ceil(resetMs / 1000)}`,
    };
  };
}
