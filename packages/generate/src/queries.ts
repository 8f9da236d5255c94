import { confabJob } from "./objectives.ts";

/** Selects the replicas that the dashboard's variables name. */
export const chosen = `${confabJob},namespace=~"$namespace",service=~"$service",pod=~"$pod"`;
/** Selects an installation, whichever service exports the metric. */
export const installation = 'namespace=~"$namespace"';
/** Legend for the series of one replica. Outside Kubernetes, it has no pod. */
export const replica = "{{service}} {{pod}}";

/** Returns PromQL for the rate of a counter, summed over replicas, by labels. */
export function rate(counter: string, selector: string, by = ""): string {
  return `sum${by === "" ? "" : ` by (${by})`} (rate(${counter}{${selector}}[$__rate_interval]))`;
}

/** Returns PromQL for a quantile of a histogram over all replicas, by labels. */
export function quantile(q: number, histogram: string, selector: string, by = ""): string {
  const labels = by === "" ? "le" : `le, ${by}`;
  return `histogram_quantile(${q}, ${rate(`${histogram}_bucket`, selector, labels)})`;
}

/** Returns queries for the median, the 95th and the 99th percentile of a histogram. */
export function quantiles(histogram: string, selector: string) {
  return [0.5, 0.95, 0.99].map((q) => ({ expr: quantile(q, histogram, selector), legend: `p${q * 100}` }));
}

/** Returns PromQL for the mean of a histogram's observations. */
export function mean(histogram: string, selector: string, by = ""): string {
  return `${rate(`${histogram}_sum`, selector, by)} / ${rate(`${histogram}_count`, selector, by)}`;
}

/** Returns PromQL for the value of a shared gauge: the maximum over replicas, never the sum. */
export function shared(gauge: string, by = "", more = ""): string {
  return `max${by === "" ? "" : ` by (${by})`} (${gauge}{${installation}${more === "" ? "" : `,${more}`}})`;
}

/**
 * Returns PromQL for the rate of a shared counter: the maximum over replicas, because each replica counts the same
 * events.
 */
export function sharedRate(counter: string): string {
  return `max(rate(${counter}{${installation}}[$__rate_interval]))`;
}
