import {
  badCount,
  badRatio,
  burnWindowsOf,
  minBadEvents,
  objectives,
  searchableSeconds,
  type Objective,
} from "../objectives.ts";
import { unlessFiring, type Alert } from "./alert.ts";

interface Burn {
  readonly name: string;
  readonly objective: Objective;
  readonly subject: string;
  readonly bad: string;
  readonly dashboard: string;
  /** Alerts that say more about the same requests and silence this one. */
  readonly causes: string;
}

const causes = "ConfabStoreUnreachable|ConfabServiceDown";

const burns: readonly Burn[] = [
  {
    name: "ConfabMessageBudgetBurn",
    objective: objectives.messages,
    subject: "Sent messages",
    bad: "were refused because Confab was unavailable or overloaded",
    dashboard: "confab-overview",
    causes,
  },
  {
    name: "ConfabErrorBudgetBurn",
    objective: objectives.requests,
    subject: "Requests",
    bad: "failed with a 5xx status",
    dashboard: "confab-http",
    causes: `${causes}|ConfabMessageBudgetBurn`,
  },
  {
    name: "ConfabLatencyBudgetBurn",
    objective: objectives.requestTimes,
    subject: "Requests",
    bad: "took more than 250 ms",
    dashboard: "confab-http",
    causes,
  },
  {
    name: "ConfabSearchBudgetBurn",
    objective: objectives.searchable,
    subject: "Messages",
    bad: `were searchable later than ${searchableSeconds} seconds after they were accepted`,
    dashboard: "confab-queue",
    causes,
  },
];

/** One alert per objective and pair of windows. */
export const burnRateAlerts: readonly Alert[] = burns.flatMap(({ objective, ...burn }) =>
  burnWindowsOf(objective).map((windows): Alert => {
    const { factor, long, short, for: duration, severity } = windows;
    const threshold = `${factor} * ${objective.budget}`;
    return {
      name: burn.name,
      expr: [
        `${badRatio(objective, long)} > ${threshold} and ${badRatio(objective, short)} > ${threshold}`,
        `and ${badCount(objective, windows)} >= ${minBadEvents}`,
        unlessFiring(burn.causes, short),
      ].join(" "),
      for: duration,
      severity,
      labels: { window: long },
      summary: `${burn.subject} use up the error budget of 30 days ${factor === 1 ? "too fast" : `${factor} times too fast`}`,
      description: `{{ $value | humanizePercentage }} of the ${burn.subject.toLowerCase()} of the last ${long} ${burn.bad}.`,
      dashboard: burn.dashboard,
    };
  }),
);
