/** A dashboard's query with its variables filled in as for "All". */
export function filledIn(expr: string): string {
  return expr.replaceAll("$namespace", ".*").replaceAll("$service", ".*").replaceAll("$__rate_interval", "1m");
}

interface Answer {
  readonly status: "success" | "error";
  readonly error?: string;
  readonly data?: { readonly result: readonly { readonly metric: Record<string, string> }[] };
}

/** How many series a query gives now; throws with Prometheus' own sentence for a query that is none. */
export async function seriesOf(prometheus: string, expr: string): Promise<number> {
  const response = await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query: expr }).toString()}`);
  const { status, error, data } = (await response.json()) as Answer;
  if (status === "error") throw new Error(`${error ?? ""}: ${expr}`);
  return data?.result.length ?? 0;
}
