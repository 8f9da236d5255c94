import { confabJob } from "./objectives.ts";

/** The replicas that the variables select. */
export const chosen = `${confabJob},namespace=~"$namespace",service=~"$service",pod=~"$pod"`;
/** An installation, whichever service exports the metric. */
export const installation = 'namespace=~"$namespace"';
/** The name of a series of one replica. Outside Kubernetes there is no pod. */
export const replica = "{{service}} {{pod}}";

/** Returns the rate of a counter, summed over replicas, by labels. */
export function rate(counter: string, selector: string, by = ""): string {
  return `sum${by === "" ? "" : ` by (${by})`} (rate(${counter}{${selector}}[$__rate_interval]))`;
}

/** Returns a quantile of a histogram over all replicas, by labels. */
export function quantile(q: number, histogram: string, selector: string, by = ""): string {
  const labels = by === "" ? "le" : `le, ${by}`;
  return `histogram_quantile(${q}, ${rate(`${histogram}_bucket`, selector, labels)})`;
}

/** Returns the median and the tails of a histogram, as three series. */
export function quantiles(histogram: string, selector: string) {
  return [0.5, 0.95, 0.99].map((q) => ({ expr: quantile(q, histogram, selector), legend: `p${q * 100}` }));
}

/** Returns the mean of a histogram's observations. */
export function mean(histogram: string, selector: string, by = ""): string {
  return `${rate(`${histogram}_sum`, selector, by)} / ${rate(`${histogram}_count`, selector, by)}`;
}

/** Returns the value of a shared gauge: the maximum over replicas, never the sum. */
export function shared(gauge: string, by = "", more = ""): string {
  return `max${by === "" ? "" : ` by (${by})`} (${gauge}{${installation}${more === "" ? "" : `,${more}`}})`;
}

/** Returns the rate of a shared counter: the maximum over replicas, because each counts the same events. */
export function sharedRate(counter: string): string {
  return `max(rate(${counter}{${installation}}[$__rate_interval]))`;
}
