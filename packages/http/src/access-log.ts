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
  /** The routes that are mounted. */
  readonly routes: readonly Route[];
  /** Maximum number of lines per second; beyond it only slow requests and errors other than refusals for overload are logged. */
  readonly linesPerSecond?: number;
}

/** As nginx logs a request whose client disconnected before the answer was complete. */
const clientLeft = 499;
const streamStatus = 200;
const slowMs = 1_000;

/** Writes one log line and one observation per request, when its answer was sent or its client has disconnected. */
export function accessLog({ metrics, logger, routes, linesPerSecond = Infinity }: AccessLogOptions): RequestHandler {
  const measured = createRequestMetrics(metrics, routes);
  const hasRoom = createLineBudget(linesPerSecond);

  /** `ms` is undefined if the duration says nothing about the service. */
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

  /** Refers to no request or response, which are freed long before the end of a stream. */
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
      // A request that is held ends when its client leaves.
      const status = res.writableFinished || isHeld ? res.statusCode : clientLeft;
      const bytes = context.answerBytes ?? Number(res.getHeader("Content-Length") ?? 0);
      end(req.method, status, bytes, context, isHeld ? undefined : performance.now() - context.startedAt);
    });
    next();
  };
}
