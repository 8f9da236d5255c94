export { metricCatalogue, type MetricCatalogue } from "./catalogue.ts";
export type { MetricRow, MetricService } from "./metric-row.ts";
