/** Returns a dashboard's query with its variables set to "All". */
export function filledIn(expr: string): string {
  return expr
    .replaceAll("$namespace", ".*")
    .replaceAll("$service", ".*")
    .replaceAll("$pod", ".*")
    .replaceAll("$__rate_interval", "1m");
}

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface Answer {
  readonly status: "success" | "error";
  readonly error?: string;
  readonly data?: { readonly result: readonly Series[] };
}

async function ask(prometheus: string, expr: string): Promise<readonly Series[]> {
  const response = await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query: expr }).toString()}`);
  const { status, error, data } = (await response.json()) as Answer;
  if (status === "error") throw new Error(`${error ?? ""}: ${expr}`);
  return data?.result ?? [];
}

/** Returns the current values of a query's series. Throws Prometheus' message if the query is invalid. */
export async function figuresOf(prometheus: string, expr: string): Promise<number[]> {
  return (await ask(prometheus, expr)).map(({ value }) => Number(value[1]));
}

/** Returns the alerts that are firing or pending, in the form `ConfabServiceDown worker firing`. */
export async function alertsOf(prometheus: string, state = "firing|pending"): Promise<string[]> {
  const series = await ask(prometheus, `ALERTS{alertstate=~"${state}"}`);
  return series.map(({ metric }) =>
    [
      metric.alertname,
      metric.window ?? metric.dependency ?? metric.count ?? metric.store ?? metric.service,
      metric.alertstate,
    ]
      .filter(Boolean)
      .join(" "),
  );
}
