import { withTimeout } from "@confab/async";
import type { RedisConnection } from "@confab/redis";
import { ProblemError, applicationTokenSchema } from "@confab/contracts";
import type { Logger } from "@confab/runtime";
import type { RequestHandler, Response } from "express";
import { hash } from "node:crypto";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { contextOf } from "./request-context.ts";

export interface RateLimitOptions {
  readonly redis: RedisConnection;
  /** Maximum number of requests per application and window. */
  readonly limit: number;
  /** Fraction of an application's limit that one user with a user token may use. */
  readonly userShare: number;
  readonly windowSeconds: number;
  readonly logger: Logger;
  readonly keyPrefix: string;
  /** Time in ms that a request waits for Redis before this process counts on its own. */
  readonly timeoutMs?: number;
}

interface RateLimitState {
  readonly allowed: boolean;
  readonly remaining: number;
  readonly resetSeconds: number;
}

/** Time in ms for which Redis is not queried after it has failed to answer in time. */
const pauseMs = 1_000;

/**
 * Creates the rate limit for paths with `:token`. It limits the requests for each application and for each of its
 * users, and sets the RateLimit headers of draft-ietf-httpapi-ratelimit-headers for the one that has fewer requests
 * left. All processes share the counts through Redis, in fixed windows. While Redis is unavailable or slow, each
 * process counts on its own. The limit may then be exceeded, but no request fails or waits for long.
 */
export function createRateLimit(options: RateLimitOptions): RequestHandler {
  const { limit, userShare, windowSeconds, keyPrefix } = options;
  const limitOfUser = Math.max(1, Math.floor(limit * userShare));
  const takeOfApplication = createCounter(options, { points: limit, keyPrefix });
  const takeOfUser = createCounter(options, { points: limitOfUser, keyPrefix: `${keyPrefix}-user` });

  function answer(
    res: Response,
    points: number,
    { allowed, remaining, resetSeconds }: RateLimitState,
    whose: string,
  ): void {
    res.setHeader("RateLimit-Policy", `"requests";q=${points};w=${windowSeconds}`);
    res.setHeader("RateLimit", `"requests";r=${remaining};t=${resetSeconds}`);
    if (allowed) return;
    throw new ProblemError("rate-limited", {
      detail: `${whose} may send ${points} requests per ${windowSeconds === 1 ? "second" : `${windowSeconds} seconds`}. Send the request again after Retry-After.`,
      retryAfterSeconds: Math.max(1, resetSeconds),
    });
  }

  return async (req, res, next) => {
    const token = applicationTokenSchema.safeParse(req.params.token);
    // A request with an invalid token gets 404 later and must not create keys in Redis.
    if (!token.success) {
      next();
      return;
    }
    const user = contextOf(req).principal?.user?.id;
    // The user's limit comes first, because requests refused to a user must not use up the application's limit.
    const ofUser =
      user === undefined ? undefined : await takeOfUser(`${token.data}:${hash("sha256", user, "base64url")}`);
    if (ofUser?.allowed === false) answer(res, limitOfUser, ofUser, "One user of the application (USER_SHARE)");
    const ofApplication = await takeOfApplication(token.data);
    answer(res, limit, ofApplication, "The application");
    if (ofUser !== undefined && ofUser.remaining < ofApplication.remaining) answer(res, limitOfUser, ofUser, "");
    next();
  };
}

/**
 * Returns a function that counts requests by key: in Redis or, while Redis does not answer in time, in this process
 * alone.
 */
function createCounter(
  { redis, windowSeconds: duration, logger, timeoutMs = 150 }: RateLimitOptions,
  { points, keyPrefix }: { points: number; keyPrefix: string },
): (key: string) => Promise<RateLimitState> {
  const local = new RateLimiterMemory({ points, duration });
  const shared = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix,
    points,
    duration,
    rejectIfRedisNotReady: true,
    // Once refused, an application or user is refused without querying Redis until its window ends.
    inMemoryBlockOnConsumed: points + 1,
  });
  const late = (): Error => new Error(`Redis did not answer within ${timeoutMs} ms`);
  let pausedUntil = 0;

  return async (key) => {
    if (performance.now() < pausedUntil) return count(local, key);
    try {
      return await withTimeout(count(shared, key), timeoutMs, late);
    } catch (error) {
      pausedUntil = performance.now() + pauseMs;
      logger.warn({ err: error }, "Redis did not answer in time: the rate limit counts in this process alone");
      return count(local, key);
    }
  };
}

async function count(limiter: RateLimiterMemory | RateLimiterRedis, key: string): Promise<RateLimitState> {
  try {
    return stateOf(await limiter.consume(key), true);
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
