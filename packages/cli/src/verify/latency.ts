/** Latencies in milliseconds; undefined without samples. */
export interface Latency {
  readonly samples: number;
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  readonly max: number | undefined;
}

/** Returns the median, the 99th percentile and the maximum, by nearest rank. */
export function latencyOf(measured: readonly number[]): Latency {
  const sorted = measured.toSorted((a, b) => a - b);
  const at = (part: number) => {
    const value = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
    return value === undefined ? undefined : Math.round(value * 10) / 10;
  };
  return { samples: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
