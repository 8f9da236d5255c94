import * as grafana from "@grafana/grafana-foundation-sdk/dashboard";
import type { DashboardPlan } from "./panel.ts";

export const datasource = { type: "prometheus", uid: "${datasource}" };

type Variable = grafana.DatasourceVariableBuilder | grafana.QueryVariableBuilder;

/** Returns the variables that a dashboard's queries and links use. */
export function variablesOf({ rows }: DashboardPlan): Variable[] {
  const panels = rows.flatMap((row) => row.panels);
  const uses = (name: string) => panels.some(({ queries }) => queries.some(({ expr }) => expr.includes(`$${name}`)));
  const explores = (kind: "logs" | "traces") => panels.some((panel) => panel.explore?.includes(kind));
  return [
    source("datasource", "Metrics", "prometheus"),
    choice("namespace", "Namespace", "label_values(confab_build_info, namespace)"),
    ...(uses("service")
      ? [choice("service", "Service", 'label_values(confab_build_info{namespace=~"$namespace"}, service)')]
      : []),
    ...(uses("pod")
      ? [choice("pod", "Pod", 'label_values(confab_build_info{namespace=~"$namespace",service=~"$service"}, pod)')]
      : []),
    ...(explores("logs") ? [source("logs", "Logs", "loki")] : []),
    ...(explores("traces") ? [source("traces", "Traces", "tempo")] : []),
  ];
}

function source(name: string, label: string, type: string): grafana.DatasourceVariableBuilder {
  return new grafana.DatasourceVariableBuilder(name).label(label).type(type);
}

function choice(name: string, label: string, query: string): grafana.QueryVariableBuilder {
  return (
    new grafana.QueryVariableBuilder(name)
      .label(label)
      .datasource(datasource)
      .query(query)
      .refresh(grafana.VariableRefresh.OnTimeRangeChanged)
      .sort(grafana.VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      // This also matches series without the label, such as the series of a Prometheus outside Kubernetes.
      .allValue(".*")
      .current({ selected: true, text: ["All"], value: ["$__all"] })
  );
}
