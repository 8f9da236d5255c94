/** Services with an HTTP edge. */
export const edge = ["ingest", "api"] as const;
export const everywhere = ["ingest", "api", "worker"] as const;
/**
 * One of these services reads Redis for its gauges. Ingest does so too, because it keeps running when no worker does.
 */
export const redisReaders = ["ingest", "worker"] as const;
/** One of these services reads MySQL for its gauges. The api does so too, for the same reason. */
export const databaseReaders = ["api", "worker"] as const;
