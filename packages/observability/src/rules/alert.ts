/** page wakes somebody, ticket waits for the morning. */
export type Severity = "page" | "ticket";

/** One alert as it is written down; its runbook is docs/runbooks/<name>.md. */
export interface Alert {
  readonly name: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: Severity;
  readonly summary: string;
  /** With Prometheus' `$value` and `$labels`. */
  readonly description: string;
  /** Tells alerts of one name apart. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The dashboard to open. */
  readonly dashboard: string;
}
