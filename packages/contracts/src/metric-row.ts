export type MetricService = "ingest" | "api" | "worker";

/** The values that a label may have: listed (any other counts as "other"), or why there can be no more than so many. */
export type LabelBound = readonly string[] | { readonly atMost: number; readonly because: string };

/** One row of the metric catalogue. */
export interface MetricRow {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly unit?: "seconds" | "bytes" | "ratio";
  readonly labels?: Readonly<Record<string, LabelBound>>;
  /** Upper bounds, of a histogram. */
  readonly buckets?: readonly number[];
  readonly services: readonly MetricService[];
  /** Every replica shows the same fact, one that lies in a store: rules take `max` of it, never `sum`. */
  readonly shared?: true;
}
