/* eslint-disable @typescript-eslint/no-deprecated -- The classic form is what a Grafana before 12 and every provisioning sidecar take. */
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  StackingMode,
} from "@grafana/grafana-foundation-sdk/common";
import * as common from "@grafana/grafana-foundation-sdk/common";
import * as grafana from "@grafana/grafana-foundation-sdk/dashboard";
import { PanelBuilder as HeatmapBuilder } from "@grafana/grafana-foundation-sdk/heatmap";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TableBuilder } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as GraphBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import type { DashboardPlan, Panel, Query } from "./panel.ts";

const datasource = { type: "prometheus", uid: "${datasource}" };
const tag = "confab";

/** A plan as Grafana's dashboard, with the variables and links that all of ours have. */
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
    .link(
      new grafana.DashboardLinkBuilder("Confab")
        .type(grafana.DashboardLinkType.Dashboards)
        .tags([tag])
        .keepTime(true)
        .includeVars(true),
    )
    .withVariable(new grafana.DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"))
    .withVariable(choice("namespace", "Namespace", "label_values(confab_build_info, namespace)"));
  // A choice that changes nothing would mislead.
  if (
    plan.rows.some(({ panels }) => panels.some(({ queries }) => queries.some(({ expr }) => expr.includes("$service"))))
  ) {
    builder.withVariable(
      choice("service", "Service", 'label_values(confab_build_info{namespace=~"$namespace"}, service)'),
    );
  }
  let id = 0;
  for (const row of plan.rows) {
    builder.withRow(new grafana.RowBuilder(row.title).id(++id));
    for (const panel of row.panels) builder.withPanel(toPanel(panel).id(++id));
  }
  return builder.build();
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
      // Matches series without the label too, such as those of a Prometheus outside of Kubernetes.
      .allValue(".*")
      .current({ selected: true, text: ["All"], value: ["$__all"] })
  );
}

type PanelBuilder = GraphBuilder | StatBuilder | HeatmapBuilder | TableBuilder;

function toPanel(panel: Panel): PanelBuilder {
  const builder = builderOf(panel)
    .title(panel.title)
    .description(panel.description)
    .datasource(datasource)
    .unit(panel.unit)
    .thresholds(thresholdsOf(panel))
    .span(panel.width ?? 8)
    .height(panel.kind === "stat" ? 4 : 8);
  if (panel.kind !== "heatmap") builder.min(0);
  if (panel.max !== undefined) builder.max(panel.max);
  if (panel.alerts) builder.links(panel.alerts.map(runbookLink));
  for (const [index, query] of panel.queries.entries()) builder.withTarget(toTarget(query, index, panel.kind));
  return builder;
}

/** The chart puts monitoring.prometheusRule.runbookUrlPrefix in the place of the folder where one is set. */
function runbookLink(alert: string): grafana.DashboardLinkBuilder {
  return new grafana.DashboardLinkBuilder(alert)
    .type(grafana.DashboardLinkType.Link)
    .url(`docs/runbooks/${alert}.md`)
    .targetBlank(true);
}

function builderOf(panel: Panel): PanelBuilder {
  switch (panel.kind) {
    case "graph": {
      const legend = new common.VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .calcs(["lastNotNull", "max"]);
      const marked = panel.badAt === undefined ? GraphThresholdsStyleMode.Off : GraphThresholdsStyleMode.Dashed;
      const builder = new GraphBuilder()
        .legend(legend)
        .lineWidth(1)
        .fillOpacity(panel.stacked === true ? 30 : 5)
        .thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(marked));
      return panel.stacked === true
        ? builder.stacking(new common.StackingConfigBuilder().mode(StackingMode.Normal))
        : builder;
    }
    case "stat":
      return new StatBuilder()
        .colorMode(BigValueColorMode.Value)
        .graphMode(BigValueGraphMode.Area)
        .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]));
    case "heatmap":
      return new HeatmapBuilder().calculate(false);
    case "table":
      return new TableBuilder().overrideByName("alertname", [
        { id: "links", value: [{ title: "Runbook", url: "docs/runbooks/${__value.raw}.md", targetBlank: true }] },
      ]);
  }
}

function thresholdsOf({ warnAt, badAt, lowIsBad = false }: Panel): grafana.ThresholdsConfigBuilder {
  const [base, last] = lowIsBad ? ["red", "green"] : ["green", "red"];
  const [first, second] = lowIsBad ? [badAt, warnAt] : [warnAt, badAt];
  return new grafana.ThresholdsConfigBuilder()
    .mode(grafana.ThresholdsMode.Absolute)
    .steps([
      { value: null, color: base },
      ...(first === undefined ? [] : [{ value: first, color: second === undefined ? last : "yellow" }]),
      ...(second === undefined ? [] : [{ value: second, color: last }]),
    ]);
}

function toTarget({ expr, legend }: Query, index: number, kind: Panel["kind"]): DataqueryBuilder {
  const target = new DataqueryBuilder()
    .refId(String.fromCharCode("A".charCodeAt(0) + index))
    .datasource(datasource)
    .expr(expr)
    .legendFormat(kind === "heatmap" ? "{{le}}" : legend);
  if (kind === "heatmap") return target.format(PromQueryFormat.Heatmap).range();
  return kind === "table" ? target.format(PromQueryFormat.Table).instant() : target.range();
}
