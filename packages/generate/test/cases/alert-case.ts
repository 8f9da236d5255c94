/** A series and its values in promtool's notation, one value per minute from 0 on: `up{job="a"} 1+2x10` is 1, 3, … 21. */
export type Series = string;

export interface Scenario {
  readonly series: readonly Series[];
  /** After how many minutes the alerts are checked; 30 by default. */
  readonly after?: number;
}

export interface AlertCase {
  /** With the labels of the alert. */
  readonly fires: readonly (Scenario & { readonly labels: Readonly<Record<string, string>> })[];
  /** Near misses: the alert never fires until then. */
  readonly silent: readonly Scenario[];
  /** The alert fired, and does not fire any more in the end. */
  readonly ends?: readonly Scenario[];
}
