/** Units, by their names in Grafana. */
export type Unit = "short" | "percentunit" | "s" | "bytes" | "reqps" | "ops" | "dtdurations" | "none";

export interface Query {
  readonly expr: string;
  /**
   * Grafana's template for the name of a series, such as `{{route}}`. In a table, it names the column of the value. An
   * empty name hides the column.
   */
  readonly legend: string;
  /** Unit of a table's column; by default the panel's unit. */
  readonly unit?: Unit;
}

/** Text and color that are shown instead of a number. */
export interface State {
  readonly text: string;
  readonly color: "green" | "yellow" | "red" | "text";
}

/** A panel of a dashboard. Grafana's JSON and the tests are generated from it. */
export interface Panel {
  readonly kind: "graph" | "stat" | "heatmap" | "table" | "states";
  readonly title: string;
  /** Explains the values, and says which are good or bad. */
  readonly description: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** The number is yellow from `warnAt` on, and red from `badAt` on. */
  readonly warnAt?: number;
  readonly badAt?: number;
  /** Whether low values are bad. The thresholds are then lower bounds. */
  readonly lowIsBad?: boolean;
  readonly max?: number;
  /** Alerts about the values of the panel, which links to their runbooks. */
  readonly alerts?: readonly string[];
  /** Links from the panel to the matching logs or traces in Grafana's Explore. */
  readonly explore?: readonly ("logs" | "traces")[];
  /** Text that is shown if there is no data. */
  readonly noValue?: string;
  readonly states?: Readonly<Record<string, State>>;
  readonly stacked?: boolean;
  /** Width in columns. A dashboard has 24. */
  readonly width?: number;
  /** Height in Grafana's grid units. */
  readonly height?: number;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface DashboardPlan {
  /** Id of the dashboard, and the name of its file. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
}

/** Returns a panel that draws each series as a line over time. */
export function graph(panel: Omit<Panel, "kind">): Panel {
  return { ...panel, kind: "graph" };
}

/** Returns a panel that shows the newest value in large type. */
export function stat(panel: Omit<Panel, "kind">): Panel {
  return { width: 4, height: 4, ...panel, kind: "stat" };
}

/** Returns a panel that shows a histogram's buckets over time. Its query groups by `le`. */
export function heatmap(panel: Omit<Panel, "kind">): Panel {
  return { ...panel, kind: "heatmap" };
}

/** Returns a panel that shows the newest values, one series per line. */
export function table(panel: Omit<Panel, "kind">): Panel {
  return { ...panel, kind: "table" };
}

/** Returns a panel that shows a bar per series with its states over time. */
export function states(panel: Omit<Panel, "kind">): Panel {
  return { ...panel, kind: "states" };
}
