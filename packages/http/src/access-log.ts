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
  /** The routes that are mounted. */
  readonly routes: readonly Route[];
  /** Maximum number of lines per second; beyond it only slow requests and errors other than 429 are logged. */
  readonly linesPerSecond?: number;
}

/** As nginx logs a request whose client disconnected before the answer was complete. */
const CLIENT_LEFT = 499;
/** Overload produces these in large numbers: they share the limit with successful requests. */
const TOO_MANY_REQUESTS = 429;
const SLOW_MS = 1_000;

/** One log line and one observation per request, when its answer was sent or its client has disconnected. */
export function accessLog({ metrics, logger, routes, linesPerSecond = Infinity }: AccessLogOptions): RequestHandler {
  const measured = createRequestMetrics(metrics, routes);
  const hasRoom = createLineBudget(linesPerSecond);

  return (req, res, next) => {
    const context = contextOf(req);
    measured.began();
    let isStream = false;
    context.onStream = () => {
      isStream = true;
      measured.streaming();
    };
    res.on("close", () => {
      const now = performance.now();
      const ms = now - context.startedAt;
      // A stream ends when its client leaves.
      const status = res.writableFinished || isStream ? res.statusCode : CLIENT_LEFT;
      const { route = "(none)", problem } = context;
      measured.ended({ method: req.method, route, status, ms: isStream ? undefined : ms, problem });
      const matters = (ms >= SLOW_MS && !isStream) || (status >= 400 && status !== TOO_MANY_REQUESTS);
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
        ...context.logFields,
        key_id: context.principal?.keyId,
        problem,
      };
      logger[status >= 500 ? "warn" : "info"](line, "request");
    });
    next();
  };
}
