import type { Route } from "@confab/contracts";
import type { MetricCatalogue } from "@confab/metrics";
import type { Logger, Metrics } from "@confab/runtime";
import type { RequestHandler } from "express";
import { createLineBudget } from "./line-budget.ts";
import { contextOf, type RequestContext } from "./request-context.ts";
import { isSheddingLoad } from "./load-shedding.ts";
import { createRequestMetrics } from "./request-metrics.ts";

export interface AccessLogOptions {
  readonly metrics: Metrics<MetricCatalogue>;
  readonly logger: Logger;
  /** Mounted routes, whose error metrics are exported from the start. */
  readonly routes: readonly Route[];
  /**
   * Maximum number of lines per second; above it, only slow requests and errors are logged, except refusals because of
   * overload.
   */
  readonly linesPerSecond?: number;
}

/** Status that nginx logs when the client disconnects before the answer is complete. */
const clientLeft = 499;
const streamStatus = 200;
const slowMs = 1_000;

/**
 * Writes one log line and one observation per request, once its answer has been sent or its client has disconnected.
 */
export function accessLog({ metrics, logger, routes, linesPerSecond = Infinity }: AccessLogOptions): RequestHandler {
  const measured = createRequestMetrics(metrics, routes);
  const hasRoom = createLineBudget(linesPerSecond);

  /** Logs and counts an ended request. `ms` is undefined if the duration says nothing about the service. */
  function end(method: string, status: number, bytes: number, context: RequestContext, ms: number | undefined): void {
    const now = performance.now();
    const { route = "(none)", problem } = context;
    measured.ended({ method, route, status, ms, problem });
    const matters = (ms !== undefined && ms >= slowMs) || (status >= 400 && !isSheddingLoad(problem));
    if (!hasRoom(now) && !matters) {
      measured.skipped();
      return;
    }
    const line = {
      method,
      route,
      status,
      ms: Math.round((now - context.startedAt) * 100) / 100,
      bytes,
      request_id: context.requestId,
      trace_id: context.traceId,
      ...context.logFields,
      key_id: context.principal?.keyId,
      problem,
    };
    logger[status >= 500 ? "warn" : "info"](line, "request");
  }

  /**
   * Returns a function to call when the stream ends. It holds no reference to the request or response, so both can be
   * freed long before.
   */
  const endOfStream = (method: string, status: number, context: RequestContext) => () => {
    end(method, status, 0, context, undefined);
  };

  return (req, res, next) => {
    const context = contextOf(req);
    measured.began();
    let isHeld = false;
    const onHold = (): void => {
      isHeld = true;
      measured.streaming();
    };
    const onStream = (): (() => void) => {
      measured.streaming();
      context.isStream = true;
      context.onHold = undefined;
      context.onStream = undefined;
      return endOfStream(req.method, streamStatus, context);
    };
    context.onHold = onHold;
    context.onStream = onStream;
    res.on("close", () => {
      if (context.isStream) return;
      // A held request normally ends when its client leaves, so this is not logged as 499.
      const status = res.writableFinished || isHeld ? res.statusCode : clientLeft;
      const bytes = context.answerBytes ?? Number(res.getHeader("Content-Length") ?? 0);
      end(req.method, status, bytes, context, isHeld ? undefined : performance.now() - context.startedAt);
    });
    next();
  };
}
