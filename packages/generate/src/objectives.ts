/**
 * Selects Confab's targets, because other applications have metrics with the same names. The chart's monitors set this
 * label.
 */
export const confabJob = 'job="confab"';

/** A promise over 30 days: at least the fraction `target` of the events is good. */
export interface Objective {
  /** Part of the names of the recorded series. */
  readonly key: "requests" | "request_times" | "messages" | "searchable";
  readonly target: number;
  /** Fraction of the events that may be bad, as PromQL. */
  readonly budget: string;
  /** Returns PromQL for the events per second in a window, by namespace. */
  readonly all: (window: string) => string;
  readonly bad: (window: string) => string;
  /** Whether the objective's alerts are only warnings, which wake nobody. */
  readonly isWarningOnly?: true;
}

const rate = (series: string, window: string): string => `sum by (namespace) (rate(${series}[${window}]))`;

/** Maximum time in seconds to answer a request, and to make a message searchable. Both are bounds of a bucket. */
export const fastSeconds = 0.25;
export const searchableSeconds = 10;

const requests = "http_requests_total";
const times = "http_request_duration_seconds";
// Batch requests are left out, because bodies of up to 8 MiB take longer.
const timed = `${confabJob},route!="/messages/batch"`;
const accepted = `confab_messages_accepted_total{${confabJob}}`;
const turnedAway = `confab_messages_refused_total{${confabJob},reason=~"busy|sending-unavailable|internal-error|overloaded|storage-unavailable"}`;
const searchable = "confab_accepted_to_searchable_seconds";

export const objectives = {
  requests: {
    key: "requests",
    target: 0.999,
    budget: "0.001",
    all: (window) => rate(`${requests}{${confabJob}}`, window),
    bad: (window) => rate(`${requests}{${confabJob},status=~"5.."}`, window),
  },
  requestTimes: {
    key: "request_times",
    target: 0.99,
    budget: "0.01",
    all: (window) => rate(`${times}_count{${timed}}`, window),
    bad: (window) =>
      `${rate(`${times}_count{${timed}}`, window)} - ${rate(`${times}_bucket{${timed},le="${fastSeconds}"}`, window)}`,
  },
  messages: {
    key: "messages",
    target: 0.999,
    budget: "0.001",
    all: (window) => `${rate(accepted, window)} + ${rate(turnedAway, window)}`,
    bad: (window) => rate(turnedAway, window),
  },
  searchable: {
    key: "searchable",
    isWarningOnly: true,
    target: 0.99,
    budget: "0.01",
    all: (window) => rate(`${searchable}_count{${confabJob}}`, window),
    bad: (window) =>
      `${rate(`${searchable}_count{${confabJob}}`, window)} - ${rate(`${searchable}_bucket{${confabJob},le="${searchableSeconds}"}`, window)}`,
  },
} as const satisfies Record<string, Objective>;

/** Returns the name of the series in which an objective's events per second are recorded. */
export function recorded({ key }: Objective, which: "all" | "bad", window: string): string {
  return `namespace:confab_${key}_${which}:rate${window}`;
}

/** Returns PromQL for the fraction of the events in a window that were bad. It has no value without events. */
export function badRatio(objective: Objective, window: string): string {
  return `${recorded(objective, "bad", window)} / ${recorded(objective, "all", window)}`;
}

/**
 * Windows of the burn rates (Google's SRE workbook, chapter 5). The long one shows that a burn matters, and the short
 * one that it continues.
 */
export const burnWindows = [
  { factor: 14.4, long: "1h", short: "5m", for: "2m", severity: "critical", longSeconds: 3_600 },
  { factor: 6, long: "6h", short: "30m", for: "15m", severity: "critical", longSeconds: 21_600 },
  { factor: 3, long: "1d", short: "2h", for: "1h", severity: "warning", longSeconds: 86_400 },
  { factor: 1, long: "3d", short: "6h", for: "3h", severity: "warning", longSeconds: 259_200 },
] as const;

/**
 * Minimum number of bad events in the long window for an alert. With little traffic, a single bad event is a large
 * fraction.
 */
export const minBadEvents = 10;

/** Returns the pairs of windows for which an objective has burn rate alerts. */
export function burnWindowsOf({ isWarningOnly }: Objective) {
  return burnWindows.filter(({ severity }) => severity === "warning" || isWarningOnly !== true);
}

/**
 * Returns PromQL for the number of bad events in a window. For a long window, it sums recorded samples: the recorded
 * rate of that window is a mean over only the time that Prometheus has seen.
 */
export function badCount(objective: Objective, { long, longSeconds }: (typeof burnWindows)[number]): string {
  return isLong(long)
    ? `sum_over_time(${recorded(objective, "bad", "5m")}[${long}:5m]) * 300`
    : `${recorded(objective, "bad", long)} * ${longSeconds}`;
}

/**
 * Returns the windows that are recorded from the services' counters: the short ones that an objective's alerts use, and
 * the five minutes from which the long ones are recorded.
 */
export function shortWindowsOf(objective: Objective): readonly string[] {
  const used = burnWindowsOf(objective).flatMap(({ long, short }) => [long, short]);
  return [...new Set<string>(["5m", ...used])].filter((window) => !isLong(window));
}

/**
 * Windows that are recorded from the series of five minutes, because a query over days of all counters costs too much.
 */
export const longWindows = ["1d", "3d", "30d"] as const;

function isLong(window: string): boolean {
  return (longWindows as readonly string[]).includes(window);
}
