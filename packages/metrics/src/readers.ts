/** Services that serve HTTP clients. */
export const edge = ["ingest", "api"] as const;
export const everywhere = ["ingest", "api", "worker"] as const;
/**
 * Services that read Redis for gauges; one process at a time reads it for all. Ingest is one of them because it keeps
 * running when no worker does.
 */
export const redisReaders = ["ingest", "worker"] as const;
/**
 * Services that read MySQL for gauges; one process at a time reads it for all. The api is one of them because it keeps
 * running when no worker does.
 */
export const databaseReaders = ["api", "worker"] as const;
