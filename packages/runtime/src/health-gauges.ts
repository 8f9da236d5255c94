import type { Health } from "./health.ts";
import type { StoreSettings } from "./store-settings.ts";

interface LabelledGauge<Label extends string, Value extends string> {
  labels(labels: Readonly<Record<Label, Value>>): { onScrape(read: () => number | undefined): void };
}

/** Exports each check of a process: 1 while it passes, otherwise 0. */
export function exportHealthGauges<Name extends string>(
  gauge: LabelledGauge<"dependency", Name>,
  health: Pick<Health, "ready">,
): void {
  for (const name of Object.keys(health.ready().checks)) {
    gauge.labels({ dependency: name as Name }).onScrape(() => (health.ready().checks[name]?.ok === true ? 1 : 0));
  }
}

/**
 * Exports how many settings of each store put a promise at risk. Exports nothing for a store whose settings are
 * currently unknown.
 */
export function exportSettingsGauge<Name extends string>(
  gauge: LabelledGauge<"store", Name>,
  settings: Pick<StoreSettings, "stores" | "atRisk">,
): void {
  for (const store of settings.stores) gauge.labels({ store: store as Name }).onScrape(() => settings.atRisk(store));
}
