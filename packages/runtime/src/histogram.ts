import type { Registry } from "prom-client";

interface Options {
  readonly name: string;
  readonly help: string;
  /** Upper bounds of the buckets, in ascending order. */
  readonly buckets: readonly number[];
  readonly registers: readonly Registry[];
}

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Number of observations in each bucket, not cumulative. The last bucket has no upper bound. */
  readonly counts: number[];
  sum: number;
}

/**
 * Creates a histogram that prom-client's registry exports. prom-client's own histogram hashes the labels on every
 * observation, which costs more per message than all other measurements together.
 */
export function createHistogram({ name, help, buckets, registers }: Options) {
  const all = new Map<string, Series>();
  const type = "histogram";
  const metric = {
    name,
    help,
    type,
    aggregator: "sum",
    get: () => Promise.resolve({ name, help, type, aggregator: "sum", values: [...all.values()].flatMap(valuesOf) }),
    reset: () => {
      for (const series of all.values()) {
        series.counts.fill(0);
        series.sum = 0;
      }
    },
  };
  for (const registry of registers) registry.registerMetric(metric as never);

  function valuesOf({ labels, counts, sum }: Series) {
    let below = 0;
    const bounded = counts.map((count, at) => {
      below += count;
      return { metricName: `${name}_bucket`, labels: { le: buckets[at] ?? "+Inf", ...labels }, value: below };
    });
    return [
      ...bounded,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: below },
    ];
  }

  return (labels: Readonly<Record<string, string>>) => {
    const key = JSON.stringify(labels);
    let series = all.get(key);
    if (series === undefined) {
      series = { labels, counts: Array.from({ length: buckets.length + 1 }, () => 0), sum: 0 };
      all.set(key, series);
    }
    const { counts } = series;
    const own = series;
    return {
      observe(value: number, times = 1): void {
        let at = 0;
        while (at < buckets.length && value > buckets[at]!) at += 1;
        counts[at]! += times;
        own.sum += value * times;
      },
    };
  };
}
