import { graph, heatmap, table, type DashboardPlan } from "../panel.ts";
import { chosen, quantile, quantiles, rate } from "../queries.ts";

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
          description: "Answered requests a second; (none) is a path that no route has.",
          unit: "reqps",
          queries: [{ expr: rate("http_requests_total", chosen, "method, route"), legend: "{{method}} {{route}}" }],
          width: 12,
        }),
        graph({
          title: "Requests by status",
          description: "499 is a client that left before its answer.",
          unit: "reqps",
          queries: [{ expr: rate("http_requests_total", chosen, "status"), legend: "{{status}}" }],
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
          description: "What clients were told. docs/reference/problems.md explains each code.",
          unit: "reqps",
          queries: [{ expr: rate("http_problems_total", chosen, "problem"), legend: "{{problem}}" }],
          stacked: true,
        }),
        graph({
          title: "Part of the requests answered with 5xx",
          description: "By service. The objective allows 0.1 %.",
          unit: "percentunit",
          queries: [
            {
              expr: `(${rate("http_requests_total", `${chosen},status=~"5.."`, "service")} or 0 * ${rate("http_requests_total", chosen, "service")}) / ${rate("http_requests_total", chosen, "service")}`,
              legend: "{{service}}",
            },
          ],
          warnAt: 0.001,
          badAt: 0.0144,
          alerts: ["ConfabErrorBudgetBurn"],
        }),
        graph({
          title: "Rate limited",
          description:
            "Requests answered with 429, by route: an application is over its limit, or Confab is overloaded.",
          unit: "reqps",
          queries: [
            { expr: rate("http_problems_total", `${chosen},problem="rate-limited"`, "route"), legend: "{{route}}" },
          ],
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
        }),
        graph({
          title: "99th percentile by route",
          description: "The slowest hundredth of each route.",
          unit: "s",
          queries: [
            {
              expr: quantile(0.99, "http_request_duration_seconds", chosen, "method, route"),
              legend: "{{method}} {{route}}",
            },
          ],
          badAt: 0.25,
        }),
        heatmap({
          title: "Durations",
          description:
            "How many requests took how long: two bands are two kinds of request, or a store that hesitates.",
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
          description: "Begun and not yet answered, by replica. A rise without more requests is a store that hangs.",
          unit: "short",
          queries: [
            {
              expr: `sum by (service, instance) (http_requests_in_flight{${chosen}})`,
              legend: "{{service}} {{instance}}",
            },
          ],
        }),
        graph({
          title: "Access log lines left out",
          description:
            "Requests without a log line because ACCESS_LOG_RATE was reached; errors and slow ones always have theirs.",
          unit: "reqps",
          queries: [{ expr: rate("http_access_log_skipped_total", chosen, "service"), legend: "{{service}}" }],
        }),
        table({
          title: "Routes",
          description: "Requests a second of each route and service now, busiest first.",
          unit: "reqps",
          queries: [
            {
              expr: `sort_desc(${rate("http_requests_total", chosen, "service, method, route")})`,
              legend: "{{route}}",
            },
          ],
        }),
      ],
    },
  ],
};
