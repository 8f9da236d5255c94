/**
 * A series and its values in promtool's notation, one value per minute from 0 on: `up{job="a"} 1+2x10` is 1, 3, … 21.
 */
export type Series = string;

export interface Scenario {
  readonly series: readonly Series[];
  /** Minutes after which the alert is checked; 30 by default. */
  readonly after?: number;
}

export interface AlertCase {
  /** Scenarios in which the alert fires, each with the labels of the alert. */
  readonly fires: readonly (Scenario & { readonly labels: Readonly<Record<string, string>> })[];
  /** Near misses, in which the alert never fires. */
  readonly silent: readonly Scenario[];
  /** Scenarios in which the alert fired, but no longer fires at the end. */
  readonly ends?: readonly Scenario[];
}
