import * as grafana from "@grafana/grafana-foundation-sdk/dashboard";

/**
 * Queries in Grafana's Explore, by the kind of data source. The variables `logs` and `traces` name the data sources.
 */
const explore = {
  logs: {
    title: "Warnings and errors in the logs",
    type: "loki",
    query: { expr: '{namespace=~"${namespace}",container=~"ingest|api|worker"} | json | level=~"warn|error|fatal"' },
  },
  traces: {
    title: "Traces with errors",
    type: "tempo",
    query: { queryType: "traceql", query: '{resource.service.name=~"confab-.*" && status=error}' },
  },
} as const;

export type Explored = keyof typeof explore;

/** Returns a link to the logs or traces in the dashboard's time range. */
export function exploreLink(kind: Explored): grafana.DashboardLinkBuilder {
  const { title, type, query } = explore[kind];
  const datasource = { type, uid: `\${${kind}}` };
  const pane = {
    datasource: datasource.uid,
    queries: [{ refId: "A", datasource, ...query }],
    range: { from: "${__from}", to: "${__to}" },
  };
  return link(title, `/explore?schemaVersion=1&panes=${encodeAround(JSON.stringify({ confab: pane }))}`);
}

/**
 * Returns a link to the runbook of an alert. The chart replaces the folder with
 * monitoring.prometheusRule.runbookUrlPrefix.
 */
export function runbookLink(alert: string): grafana.DashboardLinkBuilder {
  return link(alert, `docs/runbooks/${alert}.md`);
}

/** Returns a link to the other dashboards of Confab. */
export function dashboardsLink(tag: string): grafana.DashboardLinkBuilder {
  return new grafana.DashboardLinkBuilder("Confab")
    .type(grafana.DashboardLinkType.Dashboards)
    .tags([tag])
    .keepTime(true)
    .includeVars(true);
}

function link(title: string, url: string): grafana.DashboardLinkBuilder {
  return new grafana.DashboardLinkBuilder(title).type(grafana.DashboardLinkType.Link).url(url).targetBlank(true);
}

/** Encodes a text for a URL, except for Grafana's variables. */
function encodeAround(text: string): string {
  return text
    .split(/(\$\{\w+\})/)
    .map((part, at) => (at % 2 === 1 ? part : encodeURIComponent(part)))
    .join("");
}
