const words = new Set([
  "by",
  "without",
  "on",
  "ignoring",
  "group_left",
  "group_right",
  "and",
  "or",
  "unless",
  "bool",
  "offset",
]);

/** The metrics and recorded series that a PromQL expression reads. */
export function namesIn(expr: string): Set<string> {
  const bare = expr
    .replaceAll(/"[^"]*"|\{[^}]*\}|\[[^\]]*\]/g, " ")
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, " ");
  const found = bare.matchAll(/[A-Za-z_:][\w:]*(?!\w)(?!\s*\()/g);
  return new Set([...found].map(([name]) => name).filter((name) => !words.has(name)));
}

/** The metric that a series belongs to: a histogram's _bucket, _sum and _count are its. */
export function metricOf(series: string, isMetric: (name: string) => boolean): string {
  const base = series.replace(/_(?:bucket|sum|count)$/, "");
  return !isMetric(series) && isMetric(base) ? base : series;
}
