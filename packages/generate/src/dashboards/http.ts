import { graph, heatmap, table, type DashboardPlan } from "../panel.ts";
import { chosen, quantile, quantiles, rate, replica } from "../queries.ts";

const requests = (by: string, more = ""): string => rate("http_requests_total", `${chosen}${more}`, by);
const byRoute = "service, method, route";

export const http: DashboardPlan = {
  uid: "confab-http",
  title: "Confab / HTTP",
  description: "Rate, errors and duration of requests, by route template.",
  rows: [
    {
      title: "Rate",
      panels: [
        graph({
          title: "Requests by route",
          description: "Answered requests per second. (none): a document, or a path without a route.",
          unit: "reqps",
          queries: [{ expr: requests("method, route"), legend: "{{method}} {{route}}" }],
          width: 12,
        }),
        graph({
          title: "Requests by status",
          description: "499: the client disconnected before its answer.",
          unit: "reqps",
          queries: [{ expr: requests("status"), legend: "{{status}}" }],
          stacked: true,
          width: 12,
        }),
      ],
    },
    {
      title: "Errors",
      panels: [
        graph({
          title: "Problems by code",
          description: "Requests that were answered with a problem. docs/reference/problems.md explains each code.",
          unit: "reqps",
          queries: [{ expr: `${rate("http_problems_total", chosen, "problem")} > 0`, legend: "{{problem}}" }],
          explore: ["logs", "traces"],
          stacked: true,
          noValue: "no problems",
        }),
        graph({
          title: "Part of the requests that failed with 5xx",
          description: "By service. The objective allows 0.1 % over 30 days.",
          unit: "percentunit",
          queries: [
            {
              expr: `(${requests("service", ',status=~"5.."')} or 0 * ${requests("service")}) / ${requests("service")}`,
              legend: "{{service}}",
            },
          ],
          warnAt: 0.001,
          badAt: 0.0144,
          alerts: ["ConfabErrorBudgetBurn"],
          explore: ["logs", "traces"],
          noValue: "no traffic",
        }),
        graph({
          title: "Rate limited",
          description: "Requests that were answered with 429, by route: an application is over its limit.",
          unit: "reqps",
          queries: [
            {
              expr: `${rate("http_problems_total", `${chosen},problem="rate-limited"`, "route")} > 0`,
              legend: "{{route}}",
            },
          ],
          noValue: "nothing was limited",
        }),
      ],
    },
    {
      title: "Duration",
      panels: [
        graph({
          title: "Duration of all requests",
          description: "From a request's headers to the end of its answer, all routes together.",
          unit: "s",
          queries: quantiles("http_request_duration_seconds", chosen),
          badAt: 0.25,
          noValue: "no traffic",
        }),
        graph({
          title: "99th percentile by route",
          description: "1 % of the requests of each route take longer. Batch requests of up to 8 MiB may.",
          unit: "s",
          queries: [
            {
              expr: quantile(0.99, "http_request_duration_seconds", chosen, "method, route"),
              legend: "{{method}} {{route}}",
            },
          ],
          badAt: 0.25,
          explore: ["traces"],
          noValue: "no traffic",
        }),
        heatmap({
          title: "Durations",
          description:
            "Requests per second by duration. Two bands: two kinds of requests, or a store that is sometimes slow.",
          unit: "s",
          queries: [{ expr: rate("http_request_duration_seconds_bucket", chosen, "le"), legend: "{{le}}" }],
          alerts: ["ConfabLatencyBudgetBurn"],
        }),
      ],
    },
    {
      title: "Saturation",
      panels: [
        graph({
          title: "Requests in flight",
          description: "Not answered yet, by replica. It rises without more requests when a store hangs.",
          unit: "short",
          queries: [{ expr: `http_requests_in_flight{${chosen}}`, legend: replica }],
        }),
        graph({
          title: "Skipped access log lines",
          description:
            "Requests per second without a log line because ACCESS_LOG_RATE was reached. Slow requests and errors other than refusals for overload are always logged.",
          unit: "reqps",
          queries: [{ expr: rate("http_access_log_skipped_total", chosen, "service"), legend: "{{service}}" }],
        }),
        table({
          title: "Routes",
          description:
            "By route and service now: requests per second in descending order, the part that failed with 5xx, and the 99th percentile of the duration.",
          unit: "reqps",
          queries: [
            { expr: `sort_desc(${requests(byRoute)})`, legend: "requests" },
            {
              expr: `(${requests(byRoute, ',status=~"5.."')} or 0 * ${requests(byRoute)}) / ${requests(byRoute)}`,
              legend: "failed",
              unit: "percentunit",
            },
            { expr: quantile(0.99, "http_request_duration_seconds", chosen, byRoute), legend: "p99", unit: "s" },
          ],
          noValue: "no traffic",
        }),
      ],
    },
    {
      title: "Streams",
      panels: [
        graph({
          title: "Live streams",
          description:
            "Open streams of one chat and of several, and waiting requests, by replica. They are no requests in flight.",
          unit: "short",
          queries: [{ expr: `confab_streams{${chosen}}`, legend: `${replica} {{kind}}` }],
          width: 8,
        }),
        graph({
          title: "Refused streams",
          description:
            "Per second, by the limit: of a process (more replicas help), an application, or a client address (TRUSTED_PROXIES may be wrong).",
          unit: "short",
          queries: [{ expr: rate("confab_streams_refused_total", chosen, "limit"), legend: "{{limit}}" }],
          width: 8,
        }),
        graph({
          title: "Ended streams",
          description:
            "Per second, by who ended them. Many errors: streams cannot read a store, and their clients come back.",
          unit: "short",
          queries: [{ expr: rate("confab_streams_ended_total", chosen, "reason"), legend: "{{reason}}" }],
          width: 8,
        }),
      ],
    },
  ],
};
