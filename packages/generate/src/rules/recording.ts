import { longWindows, objectives, recorded, shortWindowsOf, type Objective } from "../objectives.ts";

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

/** All events and bad events per second of each objective, for each window of the burn rates and for 30 days. */
export const recordingRules: readonly RecordingRule[] = Object.values<Objective>(objectives).flatMap((objective) => [
  ...shortWindowsOf(objective).flatMap((window) => [
    { record: recorded(objective, "all", window), expr: objective.all(window) },
    // Without a bad event there is no series of bad events, so zeros replace it.
    { record: recorded(objective, "bad", window), expr: `${objective.bad(window)} or 0 * (${objective.all(window)})` },
  ]),
  ...longWindows.flatMap((window) =>
    (["all", "bad"] as const).map((which) => ({
      record: recorded(objective, which, window),
      expr: `avg_over_time(${recorded(objective, which, "5m")}[${window}])`,
    })),
  ),
]);
