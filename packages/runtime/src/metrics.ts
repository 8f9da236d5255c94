import { Registry, collectDefaultMetrics } from "prom-client";

/**
 * A registry of its own (nothing global) that holds the process' metrics under their usual names (`process_*`, `nodejs_*`: event loop lag,
 * garbage collection, memory), which common dashboards know; every series carries the label `service`.
 */
export function createMetrics(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return registry;
}
