/** How a figure is written: Grafana's own names of units. */
export type Unit = "short" | "percentunit" | "s" | "bytes" | "reqps" | "ops" | "dtdurations" | "none";

export interface Query {
  readonly expr: string;
  /** Grafana's template of a series' name, such as `{{route}}`. */
  readonly legend: string;
}

/** One panel, said once: Grafana's JSON, the tests and the pictures are made from it. */
export interface Panel {
  readonly kind: "graph" | "stat" | "heatmap" | "table";
  readonly title: string;
  /** What it shows, and what is good or bad about it. */
  readonly description: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** From these values on the figure is yellow or red. */
  readonly warnAt?: number;
  readonly badAt?: number;
  /** The figure is bad when low: the thresholds are then lower bounds. */
  readonly lowIsBad?: boolean;
  readonly max?: number;
  /** The alerts about what it shows: the panel links to their runbooks. */
  readonly alerts?: readonly string[];
  /** There is nothing to show while all is well. */
  readonly emptyWhenWell?: true;
  readonly stacked?: boolean;
  /** Columns of 24. */
  readonly width?: number;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface DashboardPlan {
  /** Also the file's name. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
}

/** A line over time. */
export function graph(panel: Omit<Panel, "kind">): Panel {
  return { ...panel, kind: "graph" };
}

/** The newest figure, large. */
export function stat(panel: Omit<Panel, "kind">): Panel {
  return { width: 4, ...panel, kind: "stat" };
}

/** A histogram's buckets over time; the query gives them by `le`. */
export function heatmap(panel: Omit<Panel, "kind">): Panel {
  return { ...panel, kind: "heatmap" };
}

/** The newest figures, one series a line. */
export function table(panel: Omit<Panel, "kind">): Panel {
  return { ...panel, kind: "table" };
}
