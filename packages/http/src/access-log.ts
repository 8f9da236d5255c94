import type { Route } from "@confab/contracts";
import type { MetricCatalogue } from "@confab/metrics";
import type { Logger, Metrics } from "@confab/runtime";
import type { RequestHandler } from "express";
import { createLineBudget } from "./line-budget.ts";
import { contextOf } from "./request-context.ts";
import { createRequestMetrics } from "./request-metrics.ts";

export interface AccessLogOptions {
  readonly metrics: Metrics<MetricCatalogue>;
  readonly logger: Logger;
  /** Above this number of lines per second, only errors and slow requests are logged. */
  readonly linesPerSecond?: number;
}

/** nginx's status for a request whose client left before the answer was complete. */
const CLIENT_LEFT = 499;
/** An overload produces these by itself, so they need no line each. */
const TOO_MANY_REQUESTS = 429;
const SLOW_MS = 1_000;

/** Writes one log line and one observation per request, when it was answered or its client has left. */
export function accessLog({ metrics, logger, linesPerSecond = Infinity }: AccessLogOptions): RequestHandler {
  const measured = createRequestMetrics(metrics);
  const hasRoom = createLineBudget(linesPerSecond);

  return (req, res, next) => {
    const context = contextOf(req);
    measured.began();
    res.on("close", () => {
      const now = performance.now();
      const ms = now - context.startedAt;
      const status = res.writableFinished ? res.statusCode : CLIENT_LEFT;
      const { route = "(none)", problem } = context;
      measured.ended({ method: req.method, route, status, ms, problem });
      const matters = ms >= SLOW_MS || (status >= 400 && status !== TOO_MANY_REQUESTS);
      if (!hasRoom(now) && !matters) {
        measured.skipped();
        return;
      }
      const line = {
        method: req.method,
        route,
        status,
        ms: Math.round(ms * 100) / 100,
        bytes: Number(res.getHeader("Content-Length") ?? 0),
        request_id: context.requestId,
        trace_id: context.traceId,
        ...context.facts,
        problem,
      };
      logger[status >= 500 ? "warn" : "info"](line, "request");
    });
    next();
  };
}
