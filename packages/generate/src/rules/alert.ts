/** Critical: somebody is needed at once. Warning: it can wait until working hours. */
export type Severity = "critical" | "warning";

/** One alert; its runbook is docs/runbooks/<name>.md. */
export interface Alert {
  readonly name: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: Severity;
  readonly summary: string;
  /** With Prometheus' `$value` and `$labels`. */
  readonly description: string;
  /** Distinguishes alerts of one name. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The uid of the dashboard to open. */
  readonly dashboard: string;
}

/** In the rules, in place of what the chart puts before the names of its objects; the chart replaces it. */
export const fullnamePlaceholder = "CONFAB_FULLNAME";

/**
 * Returns by how much a counter grew in a window, where it grew. Includes a counter that was first scraped with a
 * value: its process counted the event before the first scrape.
 */
export function grew(counter: string, window: string, by = "namespace"): string {
  return `sum by (${by}) (increase(${counter}[${window}])) > 0 or sum by (${by}) (${counter} unless ${counter} offset ${window}) > 0`;
}

/**
 * Returns the end of an expression: silent in a namespace where one of these alerts fires or fired in the window, since
 * it says why.
 */
export function unlessFiring(names: string, window: string, more = ""): string {
  return `unless on (namespace) max_over_time(ALERTS{alertname=~"${names}",alertstate="firing"${more}}[${window}])`;
}
