export interface Line {
  readonly name: string;
  /** Seconds since 1970 and the value. */
  readonly points: readonly (readonly [number, number])[];
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

interface Answer {
  readonly data?: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly values: readonly (readonly [number, string])[];
    }[];
  };
}

/** A panel's query over a time, with the variables filled in as for "All", named by Grafana's template of the legend. */
export async function ask(
  prometheus: string,
  { expr, legend }: { readonly expr: string; readonly legend: string },
  { from, to, step }: Range,
): Promise<Line[]> {
  const query = expr.replaceAll(/\$(?:namespace|service)/g, ".*").replaceAll("$__rate_interval", "30s");
  const parameters = { query, start: String(from), end: String(to), step: String(step) };
  const response = await fetch(`${prometheus}/api/v1/query_range?${new URLSearchParams(parameters).toString()}`);
  const { data } = (await response.json()) as Answer;
  return (data?.result ?? []).map(({ metric, values }) => ({
    name: legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? ""),
    points: values.map(([time, value]) => [time, Number(value)] as const).filter(([, value]) => Number.isFinite(value)),
  }));
}
