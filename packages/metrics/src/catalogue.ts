import { acceptingMetrics } from "./catalogue/accepting.ts";
import { backlogMetrics } from "./catalogue/backlog.ts";
import { httpMetrics } from "./catalogue/http.ts";
import { indexingMetrics } from "./catalogue/indexing.ts";
import { processMetrics } from "./catalogue/process.ts";
import { storeMetrics } from "./catalogue/stores.ts";
import { storingMetrics } from "./catalogue/storing.ts";
import type { MetricRow } from "./metric-row.ts";
import { everywhere } from "./readers.ts";

const buildInfo = {
  confab_build_info: {
    type: "gauge",
    help: "The version of Confab; always 1",
    labels: { version: { atMost: 1, because: "A process has one version" } },
    services: everywhere,
  },
} as const satisfies Record<string, MetricRow>;

/** All metrics that the services of Confab export. Every series also has the label `service`. */
export const metricCatalogue = {
  ...httpMetrics,
  ...acceptingMetrics,
  ...backlogMetrics,
  ...storingMetrics,
  ...indexingMetrics,
  ...storeMetrics,
  ...buildInfo,
  ...processMetrics,
} as const satisfies Record<string, MetricRow>;

export type MetricCatalogue = typeof metricCatalogue;
