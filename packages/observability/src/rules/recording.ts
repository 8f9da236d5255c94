import { objectives, windows } from "../objectives.ts";

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

/** Streams last as long as their reader stays, so they are neither fast nor slow. */
const answered = 'route!~".*/stream"';

/** What burn-rate alerts and the overview go by, for each window; without traffic there is no figure, and no alarm. */
export const recordingRules: readonly RecordingRule[] = windows.flatMap((window) => {
  const all = `sum by (namespace) (rate(http_requests_total[${window}]))`;
  const failed = `sum by (namespace) (rate(http_requests_total{status=~"5.."}[${window}]))`;
  const histogram = "http_request_duration_seconds";
  const timed = `sum by (namespace) (rate(${histogram}_count{${answered}}[${window}]))`;
  const fast = `sum by (namespace) (rate(${histogram}_bucket{${answered},le="${objectives.latency.fastSeconds}"}[${window}]))`;
  return [
    { record: `${objectives.availability.ratio}${window}`, expr: `(${failed} or 0 * ${all}) / (${all} > 0)` },
    { record: `${objectives.latency.ratio}${window}`, expr: `1 - ${fast} / (${timed} > 0)` },
  ];
});
