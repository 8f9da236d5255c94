import { problems, type ProblemCode } from "@confab/contracts";
import { requestSeconds } from "../buckets.ts";
import type { MetricRow } from "../metric-row.ts";
import { edge } from "../readers.ts";

const method = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"] as const;
const route = { atMost: 40, because: "Templates of the route table, or (none); never a path as it was sent" } as const;
const status = {
  atMost: 40,
  because: "The statuses that Confab answers with, and 499 for a client that disconnected before the answer",
} as const;
const problem = Object.keys(problems) as ProblemCode[];

/** The metrics of the HTTP edge of ingest and api. */
export const httpMetrics = {
  http_requests_total: {
    type: "counter",
    help: "Requests, by answer. Status 499: the client disconnected before the answer",
    labels: { method, route, status },
    services: edge,
  },
  http_request_duration_seconds: {
    type: "histogram",
    help: "Time from a request's headers to the end of its answer",
    unit: "seconds",
    labels: { method, route, status },
    buckets: requestSeconds,
    services: edge,
  },
  http_requests_in_flight: { type: "gauge", help: "Requests that are not answered yet", services: edge },
  confab_streams: {
    type: "gauge",
    help: "Live streams that are open, of one chat or of several, and requests that wait for messages",
    labels: { kind: ["chat", "chats", "wait"] },
    services: ["api"],
  },
  confab_streams_refused_total: {
    type: "counter",
    help: "Streams and waiting requests that were refused, by the limit: of the process, the application, the user or the client address",
    labels: { limit: ["process", "application", "user", "address"] },
    services: ["api"],
  },
  confab_streams_ended_total: {
    type: "counter",
    help: "Live streams that ended, by who ended them: the client, their age (rotation), a shutdown, a deletion of the chat, a key that is no longer valid or an error",
    labels: { reason: ["client", "rotation", "shutdown", "deleted", "access-ended", "error"] },
    services: ["api"],
  },
  http_problems_total: {
    type: "counter",
    help: "Requests that were answered with a problem, by its code",
    labels: { route, problem },
    services: edge,
  },
  http_access_log_skipped_total: {
    type: "counter",
    help: "Requests without an access log line because ACCESS_LOG_RATE was reached. Requests of a second or more and errors other than refusals for overload are always logged",
    services: edge,
  },
} as const satisfies Record<string, MetricRow>;
