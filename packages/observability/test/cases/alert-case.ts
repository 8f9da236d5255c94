/** A series as promtool writes it, a value a minute: `1+2x10` is 1, 3, … 21; the first is at 0. */
export type Series = readonly [name: string, values: string];

export interface Scenario {
  readonly series: readonly Series[];
  /** Minutes after which is looked; default 30. */
  readonly after?: number;
}

export interface AlertCase {
  /** With the labels that the alert carries then. */
  readonly fires: readonly (Scenario & { readonly labels: Readonly<Record<string, string>> })[];
  /** Near misses: the alert fires at no time until then. */
  readonly silent: readonly Scenario[];
}
