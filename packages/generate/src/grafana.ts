/* eslint-disable @typescript-eslint/no-deprecated -- Grafana before 12 and every provisioning sidecar need the classic format. */
import * as grafana from "@grafana/grafana-foundation-sdk/dashboard";
import { dashboardsLink } from "./grafana-links.ts";
import { toPanel } from "./grafana-panels.ts";
import { datasource, variablesOf } from "./grafana-variables.ts";
import { confabJob } from "./objectives.ts";
import type { DashboardPlan } from "./panel.ts";

const tag = "confab";

/**
 * Query for the time in milliseconds since 1970 at which the newest replica of each service and version started. The
 * dashboards show an annotation at that time.
 */
export const startsQuery = `1000 * max by (service, version) (process_start_time_seconds{${confabJob},namespace=~"$namespace"} * on (namespace, service, instance) group_left (version) confab_build_info{namespace=~"$namespace"})`;

/** Converts a plan to a Grafana dashboard, with variables, links and annotations. */
export function toGrafana(plan: DashboardPlan): grafana.Dashboard {
  const builder = new grafana.DashboardBuilder(plan.title)
    .uid(plan.uid)
    .description(plan.description)
    .tags([tag])
    .refresh("30s")
    .time({ from: "now-1h", to: "now" })
    .timezone("browser")
    .tooltip(grafana.DashboardCursorSync.Crosshair)
    .readonly()
    .link(dashboardsLink(tag))
    .annotation(starts());
  for (const variable of variablesOf(plan)) builder.withVariable(variable);
  let id = 0;
  for (const row of plan.rows) {
    builder.withRow(new grafana.RowBuilder(row.title).id(++id));
    for (const panel of row.panels) builder.withPanel(toPanel(panel).id(++id));
  }
  return withoutPlacement(builder.build());
}

function starts(): grafana.AnnotationQueryBuilder {
  return new grafana.AnnotationQueryBuilder()
    .name("Starts and deployments")
    .datasource(datasource)
    .enable(true)
    .iconColor("blue")
    .expr(startsQuery)
    .titleFormat("{{service}} {{version}} started")
    .useValueForTime(true)
    .step("30s");
}

/**
 * Removes the placement of links and annotations in the controls menu, where nobody finds them. Without a placement
 * they are visible.
 */
function withoutPlacement<T>(dashboard: T): T {
  return JSON.parse(
    JSON.stringify(dashboard, (key, value: unknown) =>
      key === "placement" && value === "inControlsMenu" ? undefined : value,
    ),
  ) as T;
}
