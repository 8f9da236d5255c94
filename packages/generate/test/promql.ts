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

/** Returns the metrics and recorded series that a PromQL expression reads. */
export function namesIn(expr: string): Set<string> {
  const bare = expr
    .replaceAll(/"[^"]*"|\{[^}]*\}|\[[^\]]*\]/g, " ")
    .replaceAll(/\boffset\s+\w+/g, " ")
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, " ");
  const found = bare.matchAll(/[A-Za-z_:][\w:]*(?!\w)(?!\s*\()/g);
  return new Set([...found].map(([name]) => name).filter((name) => !words.has(name)));
}

/** Returns the metric of a series. _bucket, _sum and _count belong to their histogram. */
export function metricOf(series: string, isMetric: (name: string) => boolean): string {
  const base = series.replace(/_(?:bucket|sum|count)$/, "");
  return !isMetric(series) && isMetric(base) ? base : series;
}

/**
 * Returns the metrics and recorded series that an expression sums, except those that an inner aggregation has already
 * reduced to one value.
 */
export function summedIn(expr: string): Set<string> {
  const found = new Set<string>();
  for (const argument of aggregated(expr, "sum")) {
    let rest = argument;
    for (const inner of aggregated(argument, "(?:max|min|avg|count|group)")) rest = rest.replace(inner, " ");
    for (const name of namesIn(rest)) found.add(name);
  }
  return found;
}

/** Returns the arguments of each use of an aggregation. */
function aggregated(expr: string, operator: string): string[] {
  const begins = expr.matchAll(new RegExp(`\\b${operator}\\s*(?:(?:by|without)\\s*\\([^)]*\\)\\s*)?\\(`, "g"));
  return [...begins].map((begin) => {
    const start = begin.index + begin[0].length;
    let depth = 1;
    let end = start;
    for (; end < expr.length && depth > 0; end += 1) depth += { "(": 1, ")": -1 }[expr[end]!] ?? 0;
    return expr.slice(start, end - 1);
  });
}
