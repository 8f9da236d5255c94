import type { AlertCase, Scenario, Series } from "./alert-case.ts";

export type Kind = "errors" | "latency" | "messages" | "searchable";
/** A duration in minutes, and the fraction of its events that are bad. */
type Stretch = readonly [minutes: number, bad: number];
const good = (minutes: number): Stretch => [minutes, 0];
const bad = (part: number, minutes: number): Stretch => [minutes, part];
type Counter = (part: (bad: number) => number) => string;

const perMinute = 100_000;
/** Fraction of the events that may be bad, as a multiple of the budget for an objective of 99.9 %. */
const budgets: Record<Kind, number> = { errors: 1, latency: 10, messages: 1, searchable: 10 };
const severities = { "1h": "critical", "6h": "critical", "1d": "warning", "3d": "warning" } as const;
type Window = keyof typeof severities;

/**
 * Returns cases for each pair of windows alone, and near misses. Longer windows may also exceed their threshold, but
 * not long enough for an alert. Bad fractions are written for an objective of 99.9 %; for 99 %, they are ten times as
 * large.
 */
export function burnCases(kind: Kind): AlertCase {
  const isTight = budgets[kind] === 1;
  // 15 % of the requests fail, or all are slow.
  const burst = isTight ? 0.15 : 0.1;
  const alone = (window: Window, ...stretches: Stretch[]) => ({
    ...scenario(kind, stretches),
    labels: { namespace: "chat", severity: severities[window], window },
  });
  const pages = [
    // In a burst of twelve minutes, 3 % of the hour's requests fail, or 20 % are slow.
    alone("1h", good(360), bad(burst, 12)),
    // 1.4 % are bad for three hours, which is too little for the hour, but 0.7 % of six hours.
    alone("6h", good(1080), bad(0.014, 185)),
  ];
  const tickets = [
    // 0.59 % are bad for two and a half hours.
    alone("1d", good(60), bad(0.0059, 155)),
    // 0.2 % are bad for four hours.
    alone("3d", bad(0.002, 240)),
  ];
  const storeDown: Series = 'confab_dependency_up{namespace="chat",service="api",dependency="search"} 1x359 0x400';
  return {
    fires: kind === "searchable" ? tickets : [...pages, ...tickets],
    silent: [
      scenario(kind, [good(240)]),
      // The errors stay within the budget.
      scenario(kind, [bad(0.0009, 300)]),
      // The same burst ends before 1.44 % of the hour's requests fail, or 14.4 % are slow.
      scenario(kind, [good(360), bad(burst, isTight ? 5 : 8), good(60)]),
      // 0.59 % exceeds the day's threshold for less than an hour.
      scenario(kind, [good(60), bad(0.0059, 75), good(20)]),
      // A store is unavailable, which its own alert reports.
      withMore(scenario(kind, [good(360), bad(burst, 14)]), storeDown),
      // The first scenario has a single bad event, and the second begins with seven bad events.
      scenario(kind, [good(60), bad(1 / budgets[kind], 1), good(119)], 1),
      scenario(kind, [bad(1 / budgets[kind], 7), good(111)], 1),
      // The metrics belong to another application, in the same namespace or elsewhere.
      scenario(kind, [good(360), bad(0.1, 12)], perMinute, 'namespace="chat",job="webshop"'),
      scenario(kind, [good(360), bad(0.1, 12)], perMinute, 'namespace="shop",job="webshop"'),
    ],
  };
}

function withMore(scenario: Scenario, ...more: Series[]): Scenario {
  return { ...scenario, series: [...scenario.series, ...more] };
}

function scenario(
  kind: Kind,
  stretches: readonly Stretch[],
  eventsPerMinute = perMinute,
  labels = 'namespace="chat",job="confab"',
): Scenario {
  const counter: Counter = (part) => {
    let count = 0;
    return stretches
      .map(([minutes, bad]) => {
        const step = Math.round(eventsPerMinute * part(Math.min(1, bad * budgets[kind])));
        const from = count;
        count += step * minutes;
        // The first sample of a stretch continues from the last sample of the previous one.
        return `${from + step}+${step}x${minutes - 1}`;
      })
      .join(" ");
  };
  const after = stretches.reduce((sum, [minutes]) => sum + minutes, 0) - 1;
  return { series: seriesOf[kind](counter, labels), after };
}

const histogram =
  (name: string, bound: string, more = "") =>
  (counter: Counter, labels: string): Series[] => [
    `${name}_count{${labels}${more}} ${counter(() => 1)}`,
    `${name}_bucket{${labels}${more},le="${bound}"} ${counter((bad) => 1 - bad)}`,
  ];

const seriesOf: Record<Kind, (counter: Counter, labels: string) => Series[]> = {
  errors: (counter, labels) => [
    `http_requests_total{${labels},status="201"} ${counter((bad) => 1 - bad)}`,
    `http_requests_total{${labels},status="503"} ${counter((bad) => bad)}`,
  ],
  latency: (counter, labels) => [
    ...histogram("http_request_duration_seconds", "0.25", ',route="/messages"')(counter, labels),
    // Batch requests may take longer.
    `http_request_duration_seconds_count{${labels},route="/messages/batch"} 0+1000x1400`,
  ],
  messages: (counter, labels) => [
    `confab_messages_accepted_total{${labels}} ${counter((bad) => 1 - bad)}`,
    `confab_messages_refused_total{${labels},reason="sending-unavailable"} ${counter((bad) => bad)}`,
    // These refusals are not the fault of Confab.
    `confab_messages_refused_total{${labels},reason="rate-limited"} 0+100000x1400`,
  ],
  searchable: histogram("confab_accepted_to_searchable_seconds", "10"),
};
