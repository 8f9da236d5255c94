export type MetricService = "ingest" | "api" | "worker";

/**
 * Limits the values of a label: a list (any other value becomes "other"), or a maximum number of values with the
 * reason.
 */
export type LabelBound = readonly string[] | { readonly atMost: number; readonly because: string };

/** A metric of the catalogue. */
export interface MetricRow {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly unit?: "seconds" | "bytes" | "ratio";
  readonly labels?: Readonly<Record<string, LabelBound>>;
  /** Upper bounds of the buckets of a histogram. */
  readonly buckets?: readonly number[];
  readonly services: readonly MetricService[];
  /**
   * Whether every replica shows the same value from a store. Dashboards then take the `max` over replicas, never the
   * `sum`.
   */
  readonly shared?: true;
  /**
   * The `appendfsync` policies of Redis under which the metric can show a fault. Under other policies it always looks
   * healthy.
   */
  readonly movesWith?: readonly ("always" | "everysec" | "no")[];
}
