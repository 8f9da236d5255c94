/** What is promised over 30 days, and how burning it up is noticed (Google's SRE workbook, chapter 5). */
export const objectives = {
  availability: {
    objective: 0.999,
    budget: "0.001",
    ratio: "confab:http_error_ratio:rate",
  },
  latency: { objective: 0.99, budget: "0.01", ratio: "confab:http_slow_ratio:rate", fastSeconds: 0.25 },
} as const;

/** A long window says that it matters, a short one that it goes on. */
export const burnWindows = [
  { factor: 14.4, long: "1h", short: "5m", for: "2m", severity: "page" },
  { factor: 6, long: "6h", short: "30m", for: "15m", severity: "page" },
  { factor: 3, long: "1d", short: "2h", for: "1h", severity: "ticket" },
  { factor: 1, long: "3d", short: "6h", for: "3h", severity: "ticket" },
] as const;

export const windows = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"] as const;
