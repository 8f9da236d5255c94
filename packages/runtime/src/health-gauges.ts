import type { Health } from "./health.ts";

interface DependencyGauge<Name extends string> {
  labels(labels: { readonly dependency: Name }): { onScrape(read: () => number): void };
}

/** Exports one gauge per check: 1 if it passes, else 0. */
export function exportHealthGauges<Name extends string>(
  gauge: DependencyGauge<Name>,
  health: Pick<Health, "ready">,
): void {
  for (const name of Object.keys(health.ready().checks)) {
    gauge.labels({ dependency: name as Name }).onScrape(() => (health.ready().checks[name]?.ok === true ? 1 : 0));
  }
}
