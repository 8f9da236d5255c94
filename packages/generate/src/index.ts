export { dashboards } from "./dashboards.ts";
export { alerts, ruleFiles } from "./rules.ts";
