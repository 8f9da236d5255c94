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
  readonly keyPrefix?: string;
  /** How long a request waits for Redis before this process counts by itself. */
  readonly patienceMs?: number;
}

export interface RateLimitState {
  readonly allowed: boolean;
  readonly remaining: number;
  readonly resetSeconds: number;
}

export interface RateLimit {
  /** Counts one request of an application; never rejects and never takes longer than the patience. */
  consume(token: string): Promise<RateLimitState>;
  /** For paths with `:token`: sets the RateLimit headers and refuses with 429 beyond the limit. */
  readonly middleware: RequestHandler;
}

/** After Redis kept a request waiting, the next ones do not even ask for this long. */
const AWAY_MS = 1_000;

/**
 * A limit that all processes share through Redis, counted in fixed windows. While Redis is away or slow each process counts by itself, so that the
 * limit may be exceeded but no request fails for it. Headers as in draft-ietf-httpapi-ratelimit-headers.
 */
export function createRateLimit(options: RateLimitOptions): RateLimit {
  const { redis, limit, windowSeconds, logger, keyPrefix = "confab:rate", patienceMs = 150 } = options;
  const local = new RateLimiterMemory({ points: limit, duration: windowSeconds });
  const shared = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix,
    points: limit,
    duration: windowSeconds,
    rejectIfRedisNotReady: true,
    // Once refused, an application is refused without asking Redis until its window ends.
    inMemoryBlockOnConsumed: limit + 1,
  });
  const late = (): Error => new Error(`Redis did not answer within ${patienceMs} ms`);
  const policy = `"requests";q=${limit};w=${windowSeconds}`;
  let awayUntil = 0;

  async function consume(token: string): Promise<RateLimitState> {
    if (performance.now() < awayUntil) return count(local, token);
    try {
      return await withTimeout(count(shared, token), patienceMs, late);
    } catch (error) {
      awayUntil = performance.now() + AWAY_MS;
      logger.warn({ err: error }, "rate limit counts without Redis");
      return count(local, token);
    }
  }

  const middleware: RequestHandler = async (req, res, next) => {
    const token = applicationTokenSchema.safeParse(req.params.token);
    // What is no token is answered with 404 further down, and must not fill Redis with keys.
    if (!token.success) {
      next();
      return;
    }
    const { allowed, remaining, resetSeconds } = await consume(token.data);
    res.setHeader("RateLimit-Policy", policy);
    res.setHeader("RateLimit", `"requests";r=${remaining};t=${resetSeconds}`);
    if (!allowed) {
      throw new ProblemError("rate-limited", {
        detail: `The application may send ${limit} requests in ${windowSeconds} seconds.`,
        retryAfterSeconds: Math.max(1, resetSeconds),
      });
    }
    next();
  };

  return { consume, middleware };
}

async function count(limiter: RateLimiterMemory | RateLimiterRedis, token: string): Promise<RateLimitState> {
  try {
    return stateOf(await limiter.consume(token), true);
  } catch (error) {
    // The library rejects with its result where the limit is exceeded, and with an Error where it cannot count.
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
