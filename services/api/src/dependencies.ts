import { ProblemError } from "@confab/contracts";
import { assertMigrated, createApplications, createChats, createDatabase, createMessages } from "@confab/database";
import { impatient } from "@confab/http";
import { createPendingMessages } from "@confab/intake";
import { connectForRequests, createRedisPing } from "@confab/queue";
import { createHealth, createMetrics, noTracer, traced, type Tracer } from "@confab/runtime";
import { createSearchIndex } from "@confab/search";
import type { ApiConfig } from "./config.ts";

export type Dependencies = Awaited<ReturnType<typeof connectDependencies>>;

/** A database that refuses is noticed at once; one that is silent keeps no request longer than this. */
const patienceMs = 2_000;

/** Opens every connection and waits for none: readiness tells when the database is there. */
export function connectDependencies(config: ApiConfig, tracer: Tracer = noTracer) {
  const redis = connectForRequests(config.redis, "confab-api", { patienceMs: 500 });
  // ioredis throws where nobody listens; readiness tells of it.
  redis.on("error", () => undefined);
  const database = createDatabase(config.database);
  const soon = <T extends object>(name: string, repository: T): T =>
    impatient(traced(tracer, "mysql", name, repository), patienceMs, () => new ProblemError("storage-unavailable"));
  const messages = soon("messages", createMessages(database));
  const search = createSearchIndex({ ...config.search, scan: messages.newest });
  const { prefix, partitions } = config.partitioning;
  const health = createHealth({
    checks: { database: () => assertMigrated(database) },
    optionalChecks: { redis: createRedisPing(redis, prefix, partitions).every, search: () => search.ping() },
  });

  return {
    redis,
    applications: soon("applications", createApplications(database)),
    chats: soon("chats", createChats(database)),
    messages,
    pending: traced(tracer, "redis", "pending", createPendingMessages(redis, config.partitioning)),
    search: traced(tracer, config.search.backend, "search", search),
    health,
    metrics: createMetrics("api"),
    tracer,
    async stop() {
      health.stop();
      await Promise.all([database.close(), search.close()]);
      redis.disconnect();
    },
  };
}
