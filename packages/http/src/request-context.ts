import type { Logger } from "@confab/runtime";
import type { RequestHandler } from "express";
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";

export interface RequestContext {
  readonly requestId: string;
  /** On the clock of `performance.now()`, in milliseconds. */
  readonly startedAt: number;
  /** Carries the request id; made at its first use, as most requests log nothing of their own. */
  readonly logger: Logger;
  /** The template of the route that took the request, for logs and metrics. */
  route: string | undefined;
  /** What the access log says besides: which application and chat it was about. */
  facts: Readonly<Record<string, string | number>> | undefined;
  /** The code of the problem that was answered. */
  problem: string | undefined;
}

// A property of the request costs less than a WeakMap or `res.locals`, and a symbol cannot collide.
const contextKey = Symbol("confab request context");
const SANE_REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

interface WithContext extends IncomingMessage {
  [contextKey]?: RequestContext;
}

/** Gives each request an id (the client's `X-Request-ID` where it is sane), echoes it and notes when the request began; mounted first. */
export function requestContext(logger: Logger): RequestHandler {
  return (req, res, next) => {
    const given = req.headers["x-request-id"];
    const requestId = typeof given === "string" && SANE_REQUEST_ID.test(given) ? given : randomUUID();
    let child: Logger | undefined;
    (req as WithContext)[contextKey] = {
      requestId,
      startedAt: performance.now(),
      get logger() {
        return (child ??= logger.child({ request_id: requestId }));
      },
      route: undefined,
      facts: undefined,
      problem: undefined,
    };
    res.setHeader("X-Request-ID", requestId);
    next();
  };
}

/** The context of a request; throws where `requestContext` isn't mounted before. */
export function contextOf(req: IncomingMessage): RequestContext {
  const context = (req as WithContext)[contextKey];
  if (context === undefined) throw new Error("requestContext() must be mounted before everything else");
  return context;
}
