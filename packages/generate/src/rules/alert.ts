/** A critical alert needs attention at once. A warning can wait until working hours. */
export type Severity = "critical" | "warning";

/** An alert. Its runbook is docs/runbooks/<name>.md. */
export interface Alert {
  readonly name: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: Severity;
  readonly summary: string;
  /** Description, which may contain Prometheus' `$value` and `$labels`. */
  readonly description: string;
  /** Labels that distinguish alerts with the same name. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Uid of the dashboard to open. */
  readonly dashboard: string;
}

/** Placeholder in the rules for the prefix of the chart's object names. The chart replaces it. */
export const fullnamePlaceholder = "CONFAB_FULLNAME";

/**
 * Returns PromQL for the growth of a counter in a window, with a value only where it grew. This includes a counter that
 * did not exist before the window, because its process may have counted events before the first scrape.
 */
export function grew(counter: string, window: string, by = "namespace"): string {
  return `sum by (${by}) (increase(${counter}[${window}])) > 0 or sum by (${by}) (${counter} unless ${counter} offset ${window}) > 0`;
}

/**
 * Returns the end of an expression. It silences the alert in a namespace where one of the named alerts fires or fired
 * in the window, because that alert gives the reason.
 */
export function unlessFiring(names: string, window: string, more = ""): string {
  return `unless on (namespace) max_over_time(ALERTS{alertname=~"${names}",alertstate="firing"${more}}[${window}])`;
}
