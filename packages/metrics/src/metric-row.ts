export type MetricService = "ingest" | "api" | "worker";

/** The values that a label may have: a list (any other value becomes "other"), or a maximum number of values and the reason. */
export type LabelBound = readonly string[] | { readonly atMost: number; readonly because: string };

/** One row of the metric catalogue. */
export interface MetricRow {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly unit?: "seconds" | "bytes" | "ratio";
  readonly labels?: Readonly<Record<string, LabelBound>>;
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
  readonly services: readonly MetricService[];
  /** Every replica shows the same value of a store: take the `max` over replicas, never the `sum`. */
  readonly shared?: true;
  /** The `appendfsync` policies of Redis under which it can show a fault; under the others it always looks healthy. */
  readonly movesWith?: readonly ("always" | "everysec" | "no")[];
}
