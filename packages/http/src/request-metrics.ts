import { problems as problemTable, type ProblemCode, type Route } from "@confab/contracts";
import type { MetricCatalogue } from "@confab/metrics";
import type { Metrics } from "@confab/runtime";

const errorStatuses = new Set(
  Object.values(problemTable)
    .map(({ status }) => status)
    .filter((status) => status >= 500),
);

/**
 * Creates the metrics of the HTTP edge: requests and their durations by method, route template and status, and problems
 * by route and code. Server errors and problems of all `routes` are exported as 0 from the start, so that the first one
 * counts as an increase.
 */
export function createRequestMetrics(metrics: Metrics<MetricCatalogue>, routes: readonly Route[]) {
  const total = metrics.counter("http_requests_total");
  const duration = metrics.histogram("http_request_duration_seconds");
  const problems = metrics.counter("http_problems_total");
  const skipped = metrics.counter("http_access_log_skipped_total");
  let inFlight = 0;
  metrics.gauge("http_requests_in_flight").onScrape(() => inFlight);

  for (const { method, path, problems: documented } of routes) {
    for (const status of errorStatuses)
      total.labels({ method: method.toUpperCase(), route: path, status: String(status) });
    for (const problem of documented) problems.labels({ route: path, problem });
  }

  // prom-client sorts and joins the labels on every use; the few combinations that occur are therefore cached here.
  const seriesOf = memoize((key) => {
    const [method, status, route] = split(key);
    const labels = { method, route, status };
    return { count: total.labels(labels), time: duration.labels(labels) };
  });
  const problemOf = memoize((key) => {
    const [problem, , route] = split(key);
    return problems.labels({ route, problem: problem as ProblemCode });
  });

  return {
    began: () => {
      inFlight += 1;
    },
    /** Notes that the answer has begun as a stream or is held, so the request no longer counts as in flight. */
    streaming: () => {
      inFlight -= 1;
    },
    /** Counts an ended request. `ms` is undefined for a stream or a held request, whose duration is not observed. */
    ended(request: {
      method: string;
      route: string;
      status: number;
      ms: number | undefined;
      problem: ProblemCode | undefined;
    }) {
      const { method, route, status, ms, problem } = request;
      if (ms !== undefined) inFlight -= 1;
      const { count, time } = seriesOf(`${method} ${status} ${route}`);
      count.inc();
      if (ms !== undefined) time.observe(ms / 1_000);
      if (problem !== undefined) problemOf(`${problem}  ${route}`).inc();
    },
    skipped: () => {
      skipped.inc();
    },
  };
}

/** Splits a key at its spaces. Methods, statuses and codes contain none. */
function split(key: string): [string, string, string] {
  const first = key.indexOf(" ");
  const second = key.indexOf(" ", first + 1);
  return [key.slice(0, first), key.slice(first + 1, second), key.slice(second + 1)];
}

function memoize<T>(make: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    let value = known.get(key);
    if (value === undefined) known.set(key, (value = make(key)));
    return value;
  };
}
