import * as common from "@grafana/grafana-foundation-sdk/common";
import * as grafana from "@grafana/grafana-foundation-sdk/dashboard";
import { PanelBuilder as HeatmapBuilder } from "@grafana/grafana-foundation-sdk/heatmap";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as StateTimelineBuilder } from "@grafana/grafana-foundation-sdk/statetimeline";
import { PanelBuilder as TableBuilder } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as GraphBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { exploreLink, runbookLink } from "./grafana-links.ts";
import { datasource } from "./grafana-variables.ts";
import type { Panel, Query } from "./panel.ts";

export type PanelBuilder = GraphBuilder | StatBuilder | HeatmapBuilder | TableBuilder | StateTimelineBuilder;

/** Converts a panel to a panel of Grafana. */
export function toPanel(panel: Panel): PanelBuilder {
  const { title, description, unit, kind, width = 8, height = 8, max, noValue, states } = panel;
  const builder = builderOf(panel)
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(unit)
    .thresholds(thresholdsOf(panel))
    .span(width)
    .height(height)
    .links([...(panel.alerts ?? []).map(runbookLink), ...(panel.explore ?? []).map(exploreLink)]);
  if (kind !== "heatmap") builder.min(0);
  if (max !== undefined) builder.max(max);
  if (noValue !== undefined) builder.noValue(noValue);
  if (states !== undefined) builder.mappings([{ type: grafana.MappingType.ValueToText, options: { ...states } }]);
  for (const [index, query] of panel.queries.entries()) builder.withTarget(toTarget(query, index, kind));
  return builder;
}

function builderOf(panel: Panel): PanelBuilder {
  switch (panel.kind) {
    case "graph":
      return graphOf(panel);
    case "stat":
      return new StatBuilder()
        .colorMode(common.BigValueColorMode.Value)
        .graphMode(panel.states === undefined ? common.BigValueGraphMode.Area : common.BigValueGraphMode.None)
        .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]));
    case "heatmap":
      return new HeatmapBuilder().calculate(false);
    case "states":
      return new StateTimelineBuilder().showValue(common.VisibilityMode.Never).mergeValues(true);
    case "table":
      return tableOf(panel);
  }
}

/**
 * Returns a table that shows the labels of the series and then a column per query. Series of different queries share a
 * row if their labels are equal.
 */
function tableOf({ queries }: Panel): TableBuilder {
  const builder = new TableBuilder().overrideByName("alertname", [
    { id: "links", value: [{ title: "Runbook", url: "docs/runbooks/${__value.raw}.md", targetBlank: true }] },
  ]);
  const excludeByName: Record<string, boolean> = { Time: true };
  const renameByName: Record<string, string> = {};
  for (const [index, { legend, unit }] of queries.entries()) {
    const column = queries.length === 1 ? "Value" : `Value #${refIdOf(index)}`;
    if (legend === "") excludeByName[column] = true;
    else renameByName[column] = legend;
    if (unit !== undefined) builder.overrideByName(legend, [{ id: "unit", value: unit }]);
  }
  if (queries.length > 1) builder.withTransformation({ id: "merge", options: {} });
  return builder.withTransformation({ id: "organize", options: { excludeByName, renameByName } });
}

function refIdOf(index: number): string {
  return String.fromCharCode("A".charCodeAt(0) + index);
}

function graphOf({ badAt, warnAt, stacked = false }: Panel): GraphBuilder {
  const legend = new common.VizLegendOptionsBuilder()
    .displayMode(common.LegendDisplayMode.Table)
    .placement(common.LegendPlacement.Bottom)
    .calcs(["lastNotNull", "max"]);
  const hasThreshold = badAt !== undefined || warnAt !== undefined;
  const mode = hasThreshold ? common.GraphThresholdsStyleMode.Dashed : common.GraphThresholdsStyleMode.Off;
  const builder = new GraphBuilder()
    .legend(legend)
    .lineWidth(1)
    .fillOpacity(stacked ? 30 : 5)
    .thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(mode));
  return stacked ? builder.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal)) : builder;
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
    .refId(refIdOf(index))
    .datasource(datasource)
    .expr(expr)
    .legendFormat(kind === "heatmap" ? "{{le}}" : legend);
  if (kind === "heatmap") return target.format(PromQueryFormat.Heatmap).range();
  return kind === "table" ? target.format(PromQueryFormat.Table).instant() : target.range();
}
