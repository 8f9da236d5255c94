import { metricCatalogue } from "@confab/contracts";
import { createApplications, createChats, createDatabase, createPoolGauges } from "@confab/database";
import { impatient } from "@confab/http";
import {
  ChatsUnavailable,
  createBacklog,
  createBacklogGauges,
  createIntake,
  createPressureGauge,
  withScripts,
} from "@confab/intake";
import {
  connectForRequests,
  createProducer,
  createQueueGauges,
  createRedisGauges,
  createRedisPing,
  serversOf,
  type RedisConnection,
} from "@confab/queue";
import {
  createHealth,
  createMetrics,
  every,
  noTracer,
  showHealth,
  startSharedSpan,
  traced,
  type Logger,
  type Tracer,
} from "@confab/runtime";
import type { Redis } from "ioredis";
import type { IngestConfig } from "./config.ts";
import { createIntakeMetrics } from "./intake-metrics.ts";
import { acceptReplicated } from "./replicated-accept.ts";

type Stores = ReturnType<typeof openStores>;
export type Dependencies = Awaited<ReturnType<typeof connectDependencies>>;

/** Nobody waits for a statement any more: its session is replaced. */
const answerTimeoutMs = 5_000;
/** How old what the gauges tell of Redis may be. */
const lookMs = 2_000;

/** Opens every connection and waits for none: readiness tells what is there. */
export function openStores(config: IngestConfig, logger: Logger) {
  const { prefix, partitions } = config.partitioning;
  const redis = withScripts(connectForRequests(config.redis, "confab-ingest", { deadlineMs: config.deadlineMs }));
  // ioredis throws where nobody listens; requests and readiness tell of it.
  redis.on("error", (error: Error) => {
    logger.debug({ err: error }, "Redis connection");
  });
  const database = createDatabase({ ...config.database, answerTimeoutMs });
  const ping = createRedisPing(redis, prefix, partitions);
  const health = createHealth({
    checks: { redis: ping.some },
    optionalChecks: { partitions: ping.every, database: () => database.ping() },
    staysReady: true,
  });
  const metrics = createMetrics(metricCatalogue, "ingest");
  metrics.gauge("confab_build_info").labels({ version: config.version }).set(1);
  showHealth(metrics.gauge("confab_dependency_up"), health);
  createPoolGauges(metrics, database);

  return {
    redis,
    database,
    health,
    metrics,
    async stop() {
      health.stop();
      await database.close();
      redis.disconnect();
    },
  };
}

/** Builds on a Redis that answers; needs nothing else at once, since known chats are written to without the database. */
export async function connectDependencies(
  { redis, database, health, metrics }: Stores,
  config: IngestConfig,
  logger: Logger,
  tracer: Tracer = noTracer,
) {
  const { partitioning, minReplicas: replicas } = config;
  // Short of the deadline: the answer must still be on time.
  const replicasMs = Math.ceil(config.deadlineMs / 2);
  // Ready now, not at the next round.
  void health.refresh();
  await warnOfWeakDurability(redis, config.durability, logger);

  const soon = <T extends object>(name: string, repository: T): T =>
    impatient(
      traced(tracer, "mysql", name, repository),
      config.deadlineMs,
      () => new ChatsUnavailable("MySQL is silent"),
    );
  const chats = soon("chats", createChats(database));
  const applications = soon("applications", createApplications(database));
  const producer = await createProducer({ connection: redis, ...partitioning });
  const pressure = createPressureGauge(redis, partitioning, { maxMemory: config.maxMemory });
  const counted = createIntakeMetrics(metrics);
  const intake = createIntake({
    partitioning,
    limits: config.limits,
    deadlineMs: config.deadlineMs,
    redis: replicas > 0 ? acceptReplicated(redis, { replicas, timeoutMs: replicasMs }) : redis,
    wake: (partition, batchId, trace) => producer.wakeBatch(partition, batchId, trace),
    findApplications: (tokens) => applications.known(tokens),
    learn: async (token, chat) => {
      const found = await chats.locate(token, chat);
      if (found) counted.learned(found);
      return found;
    },
    traceBatch: ({ id, size, traces }) =>
      startSharedSpan(tracer, "accept", {
        kind: "producer",
        causes: traces,
        attributes: { "db.system.name": "redis", "confab.batch": id, "confab.messages": size },
      }),
    onBatch: counted.observe,
  });
  counted.showLoad(() => intake.load());
  const queues = createQueueGauges(metrics, { connection: redis, ...partitioning });
  const backlogs = Array.from({ length: partitioning.partitions }, (_, partition) =>
    createBacklog(redis, partitioning, partition),
  );
  const looks = [queues.look, createRedisGauges(metrics, redis), ...createBacklogGauges(metrics, backlogs)].map(
    (look) => every(lookMs, "look at Redis", look, logger),
  );

  return {
    intake,
    pressure,
    counted,
    health,
    metrics,
    tracer,
    async stop() {
      pressure.stop();
      // Not waited for: one may hang on a server that does not answer.
      for (const look of looks) void look.stop();
      await queues.stop();
      await intake.stop();
      await producer.stop();
    },
  };
}

const strength = { no: 0, everysec: 1, always: 2 } as const;

/** A 201 promises what Redis is configured to keep: say so where it, or a master of a cluster, keeps less than expected. */
async function warnOfWeakDurability(
  redis: RedisConnection,
  expected: keyof typeof strength,
  logger: Logger,
): Promise<void> {
  for (const server of serversOf(redis)) {
    try {
      const actual = await durabilityOf(server);
      if (strength[actual] < strength[expected]) {
        logger.warn(
          { expected, actual, server: `${server.options.host ?? ""}:${server.options.port ?? ""}` },
          "Redis may lose acknowledged messages: set appendonly yes and appendfsync always, or accept it with REDIS_DURABILITY",
        );
      }
    } catch (error) {
      logger.info({ err: error }, "Redis does not tell its durability: see that appendonly and appendfsync are set");
    }
  }
}

async function durabilityOf(redis: Redis): Promise<keyof typeof strength> {
  const appendOnly = await redis.config("GET", "appendonly");
  const policy = (await redis.config("GET", "appendfsync"))[1] ?? "no";
  return appendOnly[1] === "yes" && policy in strength ? (policy as keyof typeof strength) : "no";
}
