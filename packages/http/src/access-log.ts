import type { Logger } from "@confab/runtime";
import type { RequestHandler } from "express";
import { Counter, Histogram } from "prom-client";
import type { Registry } from "prom-client";
import { contextOf } from "./request-context.ts";

/** nginx' mark for a request whose client left before the answer was complete. */
const CLIENT_LEFT = 499;

/** One log line and one observation (rate, errors, duration by method, route template, status) per request, when its answer is out or its client gone. */
export function accessLog({ registry, logger }: { registry: Registry; logger: Logger }): RequestHandler {
  const labelNames = ["method", "route", "status"] as const;
  const total = new Counter({
    name: "http_requests_total",
    help: "Requests answered; status 499 marks those whose client left before.",
    labelNames,
    registers: [registry],
  });
  const duration = new Histogram({
    name: "http_request_duration_seconds",
    help: "From the request's headers to the end of its answer.",
    labelNames,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  // prom-client sorts and joins the labels at each use; the few combinations that occur are looked up here instead.
  const series = new Map<string, { count: Counter.Internal; time: Histogram.Internal<(typeof labelNames)[number]> }>();

  function seriesOf(method: string, route: string, status: number) {
    const key = `${method} ${status} ${route}`;
    let entry = series.get(key);
    if (entry === undefined) {
      entry = {
        count: total.labels(method, route, String(status)),
        time: duration.labels(method, route, String(status)),
      };
      series.set(key, entry);
    }
    return entry;
  }

  return (req, res, next) => {
    const context = contextOf(req);
    res.on("close", () => {
      const ms = performance.now() - context.startedAt;
      const status = res.writableFinished ? res.statusCode : CLIENT_LEFT;
      const route = context.route ?? "(none)";
      const { count, time } = seriesOf(req.method, route, status);
      count.inc();
      time.observe(ms / 1_000);
      const line = {
        method: req.method,
        route,
        status,
        ms: Math.round(ms * 100) / 100,
        bytes: Number(res.getHeader("Content-Length") ?? 0),
        request_id: context.requestId,
        ...context.facts,
        problem: context.problem,
      };
      logger[status >= 500 ? "warn" : "info"](line, "request");
    });
    next();
  };
}
