/**
 * Returns the time since 2026 by MySQL's clock in a unit, as an SQL expression. An ordinal that is at least this high,
 * and higher than the last one, is not given again after MySQL has lost it, by a restored dump or a failover to a
 * replica that lagged behind: meanwhile, the clock has moved on. Two things must hold: fewer ordinals are given than
 * units pass, and the new clock is not behind the old one by more than the failover took.
 */
export function timeSince2026(unit: "SECOND" | "MILLISECOND" | "MICROSECOND"): string {
  const since = (of: string): string => `TIMESTAMPDIFF(${of}, '2026-01-01', UTC_TIMESTAMP(6))`;
  return unit === "MILLISECOND" ? `${since("MICROSECOND")} DIV 1000` : since(unit);
}
