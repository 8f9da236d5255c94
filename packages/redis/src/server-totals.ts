/** Totals that a server has counted since it started. */
export interface ServerTotals {
  readonly server: string;
  readonly evicted: number;
  readonly delayed: number;
  readonly cpu: number;
}

type Field = "evicted" | "delayed" | "cpu";

/**
 * Creates a function that converts totals of servers into increases, so that a counter continues correctly when a
 * server restarts, is replaced or resets its statistics. The first totals of a server count as no increase.
 */
export function createServerTotals() {
  let last = new Map<string, ServerTotals>();
  return {
    increasesOf(totals: readonly ServerTotals[]): Omit<ServerTotals, "server">[] {
      const before = last;
      last = new Map(totals.map((total) => [total.server, total]));
      return totals.map((total) => {
        const known = before.get(total.server) ?? total;
        const increase = (field: Field): number =>
          total[field] < known[field] ? total[field] : total[field] - known[field];
        return { evicted: increase("evicted"), delayed: increase("delayed"), cpu: increase("cpu") };
      });
    },
  };
}
