import type { AlertCase, Scenario, Series } from "./alert-case.ts";

type Kind = "errors" | "latency";
/** So many minutes of requests, of which this part is bad. */
type Stretch = readonly [minutes: number, bad: number];

const perMinute = 100_000;

/**
 * Each pair of windows alone, and what is not enough for any. The longer windows may be over their threshold as well, for less time than
 * they wait; bad parts are those of errors, and ten times as much of slowness, whose budget is ten times as large.
 */
export function burnCases(kind: Kind): AlertCase {
  // 15 % of the requests fail, or all are slow.
  const burst = kind === "errors" ? 0.15 : 0.1;
  const severity = { "1h": "page", "6h": "page", "1d": "ticket", "3d": "ticket" } as const;
  const alone = (window: keyof typeof severity, ...stretches: Stretch[]) => ({
    ...scenario(kind, stretches),
    labels: { namespace: "chat", severity: severity[window], window },
  });
  return {
    fires: [
      // A burst of twelve minutes: 3 % of the hour in errors, 20 % in slowness.
      alone("1h", [360, 0], [12, burst]),
      // 1.4 % for three hours: too little for the hour, 0.7 % of six.
      alone("6h", [1080, 0], [185, 0.014]),
      // 0.59 % for two hours and a half.
      alone("1d", [60, 0], [155, 0.0059]),
      // 0.2 % for hours.
      alone("3d", [240, 0.002]),
    ],
    silent: [
      scenario(kind, [[240, 0]]),
      // Within the budget.
      scenario(kind, [[300, 0.0009]]),
      // The same burst, over before it is 1.44 % of the hour in errors or 14.4 % in slowness.
      scenario(kind, [
        [360, 0],
        [kind === "errors" ? 5 : 8, burst],
        [60, 0],
      ]),
      // 0.59 % for less than an hour over the day's threshold.
      scenario(kind, [
        [60, 0],
        [75, 0.0059],
        [20, 0],
      ]),
    ],
  };
}

function scenario(kind: Kind, stretches: readonly Stretch[]): Scenario {
  const budget = kind === "errors" ? 1 : 10;
  const counter = (part: (bad: number) => number): string => {
    let count = 0;
    return stretches
      .map(([minutes, bad]) => {
        const step = Math.round(perMinute * part(bad * budget));
        const from = count;
        count += step * minutes;
        // The first sample of a stretch follows on the last one of that before.
        return `${from + step}+${step}x${minutes - 1}`;
      })
      .join(" ");
  };
  const after = stretches.reduce((sum, [minutes]) => sum + minutes, 0) - 1;
  const series: Series[] =
    kind === "errors"
      ? [
          ['http_requests_total{namespace="chat",status="201"}', counter((bad) => 1 - bad)],
          ['http_requests_total{namespace="chat",status="503"}', counter((bad) => bad)],
        ]
      : [
          ['http_request_duration_seconds_count{namespace="chat",route="/messages"}', counter(() => 1)],
          [
            'http_request_duration_seconds_bucket{namespace="chat",route="/messages",le="0.25"}',
            counter((bad) => 1 - bad),
          ],
          // However long a stream stays open, it is not slow.
          ['http_request_duration_seconds_count{namespace="chat",route="/chats/{chat}/stream"}', "0+1000x1400"],
        ];
  return { series, after };
}
