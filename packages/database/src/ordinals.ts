/**
 * Returns an SQL expression for the time since 2026 by MySQL's clock, in a unit. An ordinal that is at least this high,
 * and higher than the previous one, is not assigned again after MySQL has lost it through a restored dump or a failover
 * to a replica that lagged behind, because the clock has advanced in the meantime. This has two conditions: ordinals
 * are assigned more slowly than the units pass, and the new clock is not behind the old one by more than the duration
 * of the failover.
 */
export function timeSince2026(unit: "SECOND" | "MILLISECOND" | "MICROSECOND"): string {
  const since = (of: string): string => `TIMESTAMPDIFF(${of}, '2026-01-01', UTC_TIMESTAMP(6))`;
  return unit === "MILLISECOND" ? `${since("MICROSECOND")} DIV 1000` : since(unit);
}
