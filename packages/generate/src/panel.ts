/** Grafana's names of units. */
export type Unit = "short" | "percentunit" | "s" | "bytes" | "reqps" | "ops" | "dtdurations" | "none";

export interface Query {
  readonly expr: string;
  /**
   * Grafana's template of a series' name, such as `{{route}}`. In a table, the name of the value's column. An empty
   * name hides the column.
   */
  readonly legend: string;
  /** The unit of a table's column. Default: the panel's. */
  readonly unit?: Unit;
}

/** How a value is shown in place of its number. */
export interface State {
  readonly text: string;
  readonly color: "green" | "yellow" | "red" | "text";
}

/** One panel. Grafana's JSON and the tests are made from it. */
export interface Panel {
  readonly kind: "graph" | "stat" | "heatmap" | "table" | "states";
  readonly title: string;
  /** Explains the values, and which are good or bad. */
  readonly description: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** From these values on the number is yellow or red. */
  readonly warnAt?: number;
  readonly badAt?: number;
  /** Low values are bad: the thresholds are lower bounds. */
  readonly lowIsBad?: boolean;
  readonly max?: number;
  /** The alerts about what it shows; the panel links to their runbooks. */
  readonly alerts?: readonly string[];
  /** The panel links to the matching logs or traces in Grafana's Explore. */
  readonly explore?: readonly ("logs" | "traces")[];
  /** The text in place of missing data. */
  readonly noValue?: string;
  readonly states?: Readonly<Record<string, State>>;
  readonly stacked?: boolean;
  /** Columns of 24. */
  readonly width?: number;
  /** In Grafana's grid units. */
  readonly height?: number;
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

/** Draws a line over time. */
export function graph(panel: Omit<Panel, "kind">): Panel {
  return { ...panel, kind: "graph" };
}

/** Shows the newest value in large type. */
export function stat(panel: Omit<Panel, "kind">): Panel {
  return { width: 4, height: 4, ...panel, kind: "stat" };
}

/** Shows a histogram's buckets over time; the query groups by `le`. */
export function heatmap(panel: Omit<Panel, "kind">): Panel {
  return { ...panel, kind: "heatmap" };
}

/** Shows the newest values, one series per line. */
export function table(panel: Omit<Panel, "kind">): Panel {
  return { ...panel, kind: "table" };
}

/** Shows a bar per series with its states over time. */
export function states(panel: Omit<Panel, "kind">): Panel {
  return { ...panel, kind: "states" };
}
