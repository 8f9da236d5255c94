import { burnWindows, objectives } from "../objectives.ts";
import type { Alert } from "./alert.ts";

interface Objective {
  readonly name: string;
  readonly ratio: string;
  readonly budget: string;
  readonly bad: string;
}

const burning: readonly Objective[] = [
  { ...objectives.availability, name: "ConfabErrorBudgetBurn", bad: "failed with 5xx" },
  { ...objectives.latency, name: "ConfabLatencyBudgetBurn", bad: "took more than 250 ms" },
];

/** Four pairs of windows for each objective, the fast ones loud and the slow ones quiet. */
export const burnRateAlerts: readonly Alert[] = burning.flatMap(({ name, ratio, budget, bad }) =>
  burnWindows.map(({ factor, long, short, for: patience, severity }): Alert => ({
    name,
    expr: `${ratio}${long} > ${factor} * ${budget} and ${ratio}${short} > ${factor} * ${budget}`,
    for: patience,
    severity,
    labels: { window: long },
    summary: `Requests use the month's budget up ${factor} times too fast`,
    description: `{{ $value | humanizePercentage }} of the requests of the last ${long} ${bad}.`,
    dashboard: "confab-http",
  })),
);
