/** Of one replica: what the variables choose. */
export const chosen = 'namespace=~"$namespace",service=~"$service"';
/** Of an installation, whichever service shows it. */
export const installation = 'namespace=~"$namespace"';

/** How fast a counter grows, summed over the replicas, by labels. */
export function rate(counter: string, selector: string, by = ""): string {
  return `sum${by === "" ? "" : ` by (${by})`} (rate(${counter}{${selector}}[$__rate_interval]))`;
}

/** A quantile of a histogram over all replicas, by labels. */
export function quantile(q: number, histogram: string, selector: string, by = ""): string {
  const labels = by === "" ? "le" : `le, ${by}`;
  return `histogram_quantile(${q}, ${rate(`${histogram}_bucket`, selector, labels)})`;
}

/** The median and the tails of a histogram, as three series. */
export function quantiles(histogram: string, selector: string) {
  return [0.5, 0.95, 0.99].map((q) => ({ expr: quantile(q, histogram, selector), legend: `p${q * 100}` }));
}

/** The mean of what a histogram has seen. */
export function mean(histogram: string, selector: string, by = ""): string {
  return `${rate(`${histogram}_sum`, selector, by)} / ${rate(`${histogram}_count`, selector, by)}`;
}

/** A fact that every replica shows alike: the greatest of what they say, never the sum. */
export function shared(gauge: string, by = "", more = ""): string {
  return `max${by === "" ? "" : ` by (${by})`} (${gauge}{${installation}${more === "" ? "" : `,${more}`}})`;
}
