import { problems as problemTable, type ProblemCode, type Route } from "@confab/contracts";
import type { MetricCatalogue } from "@confab/metrics";
import type { Metrics } from "@confab/runtime";

/** The metrics of requests: rate, errors and duration by method, route template and status, and problems by code. */
export function createRequestMetrics(metrics: Metrics<MetricCatalogue>) {
  const total = metrics.counter("http_requests_total");
  const duration = metrics.histogram("http_request_duration_seconds");
  const problems = metrics.counter("http_problems_total");
  const skipped = metrics.counter("http_access_log_skipped_total");
  let inFlight = 0;
  metrics.gauge("http_requests_in_flight").onScrape(() => inFlight);

  // prom-client sorts and joins the labels at each use, so the few combinations that occur are remembered here.
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
    ended(request: { method: string; route: string; status: number; ms: number; problem: ProblemCode | undefined }) {
      const { method, route, status, ms, problem } = request;
      inFlight -= 1;
      const { count, time } = seriesOf(`${method} ${status} ${route}`);
      count.inc();
      time.observe(ms / 1_000);
      if (problem !== undefined) problemOf(`${problem}  ${route}`).inc();
    },
    skipped: () => {
      skipped.inc();
    },
  };
}

/** Methods, statuses and codes have no space. */
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
