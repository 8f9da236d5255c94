/**
 * The seconds since 2026 by MySQL's clock, as an SQL expression. An ordinal that is at least this high, and higher than the last one, is not
 * given again after MySQL has lost it, by a restored dump or a failover to a replica that lagged behind: meanwhile, a second has passed.
 */
export const SECONDS_SINCE_2026 = "TIMESTAMPDIFF(SECOND, '2026-01-01', UTC_TIMESTAMP())";
