import { withTimeout } from "@confab/runtime";
import { ProblemError, applicationTokenSchema } from "@confab/contracts";
import type { Logger } from "@confab/runtime";
import type { RequestHandler } from "express";
import type { Cluster, Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";

export interface RateLimitOptions {
  readonly redis: Redis | Cluster;
  /** Requests per application and window. */
  readonly limit: number;
  readonly windowSeconds: number;
  readonly logger: Logger;
  readonly keyPrefix: string;
  /** How long a request waits for Redis before this process counts alone. */
  readonly timeoutMs?: number;
}

interface RateLimitState {
  readonly allowed: boolean;
  readonly remaining: number;
  readonly resetSeconds: number;
}

/** After Redis did not answer in time, it is not asked again for this long. */
const PAUSE_MS = 1_000;

/**
 * For paths with `:token`: limits the requests of each application and sets the RateLimit headers of
 * draft-ietf-httpapi-ratelimit-headers. All processes share the count through Redis, in fixed windows. While Redis is
 * unavailable or slow, each process counts alone: the limit may be exceeded, but no request fails or waits for long.
 */
export function createRateLimit(options: RateLimitOptions): RequestHandler {
  const { redis, limit, windowSeconds, logger, keyPrefix, timeoutMs = 150 } = options;
  const local = new RateLimiterMemory({ points: limit, duration: windowSeconds });
  const shared = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix,
    points: limit,
    duration: windowSeconds,
    rejectIfRedisNotReady: true,
    // A refused application is refused without asking Redis until its window ends.
    inMemoryBlockOnConsumed: limit + 1,
  });
  const late = (): Error => new Error(`Redis did not answer within ${timeoutMs} ms`);
  const policy = `"requests";q=${limit};w=${windowSeconds}`;
  let pausedUntil = 0;

  async function consume(token: string): Promise<RateLimitState> {
    if (performance.now() < pausedUntil) return count(local, token);
    try {
      return await withTimeout(count(shared, token), timeoutMs, late);
    } catch (error) {
      pausedUntil = performance.now() + PAUSE_MS;
      logger.warn({ err: error }, "Redis did not answer in time: the rate limit counts in this process alone");
      return count(local, token);
    }
  }

  return async (req, res, next) => {
    const token = applicationTokenSchema.safeParse(req.params.token);
    // An invalid token is answered with 404 later, and must not fill Redis with keys.
    if (!token.success) {
      next();
      return;
    }
    const { allowed, remaining, resetSeconds } = await consume(token.data);
    res.setHeader("RateLimit-Policy", policy);
    res.setHeader("RateLimit", `"requests";r=${remaining};t=${resetSeconds}`);
    if (!allowed) {
      throw new ProblemError("rate-limited", {
        detail: `The application may send ${limit} requests per ${windowSeconds === 1 ? "second" : `${windowSeconds} seconds`}. Send the request again after Retry-After.`,
        retryAfterSeconds: Math.max(1, resetSeconds),
      });
    }
    next();
  };
}

async function count(limiter: RateLimiterMemory | RateLimiterRedis, token: string): Promise<RateLimitState> {
  try {
    return stateOf(await limiter.consume(token), true);
  } catch (error) {
    // The library rejects with its result if the limit is exceeded, and with an Error if it cannot count.
    if (error instanceof RateLimiterRes) return stateOf(error, false);
    throw error;
  }
}

function stateOf(result: RateLimiterRes, allowed: boolean): RateLimitState {
  return {
    allowed,
    remaining: allowed ? result.remainingPoints : 0,
    resetSeconds: Math.ceil(result.msBeforeNext / 1_000),
  };
}
