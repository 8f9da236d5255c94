import { createAccess } from "@confab/access";
import type { ApiConfig } from "@confab/config";
import { ProblemError } from "@confab/contracts";
import {
  createApplications,
  createChats,
  createDatabase,
  createDatabaseGauges,
  createErasures,
  createKeys,
  createMessageChanges,
  createMessages,
  createMigrationCheck,
  createNumberings,
  createOutbox,
  createPoolGauges,
  createHorizons,
  createSearchBackend,
  readDatabaseSettings,
} from "@confab/database";
import { clientAddress } from "@confab/http";
import { createPendingErasure, createLiveSignals, createPendingMessages } from "@confab/pending";
import { metricCatalogue } from "@confab/metrics";
import { connectForRequests, createRedisPing, createSnapshotSharing, readRedisSettings } from "@confab/redis";
import { repeat, withMethodTimeouts, type Repository } from "@confab/async";
import {
  createHealth,
  createMetrics,
  createStoreSettings,
  noTracer,
  exportHealthGauges,
  exportSettingsGauge,
  traced,
  unlessRefused,
  type Logger,
  type Tracer,
} from "@confab/runtime";
import { createSearchIndex, searchBackendOf } from "@confab/search";
import { readReplicated } from "./replicated-pending.ts";
import { createEventPages } from "./stream/pages.ts";
import { createEndStreams } from "./stream/end-streams.ts";
import { createChatLookups } from "./stream/chat-lookups.ts";
import { createStreamPlaces, streamKinds, streamLimits } from "./stream/limits.ts";
import { createFindMovedChats } from "./stream/moved-chats.ts";
import { createRooms } from "./stream/rooms.ts";
import { createCoalescedReads } from "./stream/coalesced-reads.ts";
import { createStreams, endReasons } from "./stream/streams.ts";
import { createWaits } from "./stream/waits.ts";
import { createContinueAt } from "./reading/continue-at.ts";
import { createReindex } from "./searching/reindex.ts";
import { createReadMessages } from "./reading/read-messages.ts";

export type Dependencies = Awaited<ReturnType<typeof connectDependencies>>;

/** The timeout of a database that does not answer, for readers and writers; one that refuses is noticed at once. */
const databaseTimeoutMs = 2_000;
/** After this time nobody waits for a statement any more, and its session is replaced. */
const answerTimeoutMs = 5_000;
/** The timeout of Redis: a busy one answers within it, and a page does without one that does not. */
const redisTimeoutMs = 1_000;
/** Less than half of that, since a request may have to wait for the WAIT before its own. */
const replicasMs = 400;
/** Interval of reading the database for its gauges. */
const snapshotMs = 10_000;

/** Opens all connections and waits for none; readiness reports when the database answers. */
export function connectDependencies(config: ApiConfig, logger: Logger, tracer: Tracer = noTracer) {
  const redis = connectForRequests(config.redis, "confab-api", { timeoutMs: redisTimeoutMs });
  // ioredis throws if nobody listens; readiness reports the error.
  redis.on("error", () => undefined);
  const database = createDatabase({ ...config.database, answerTimeoutMs });
  const { expected } = config;
  const settings = createStoreSettings({
    stores: {
      // The api writes nothing to Redis that a promise depends on.
      redis: { read: () => readRedisSettings(redis, expected.redis), weight: "shown" },
      database: { read: () => readDatabaseSettings(database, expected.database), weight: "needed" },
    },
    logger,
  });
  const withTimeouts = <T extends Repository<T>>(name: string, repository: T): T =>
    withMethodTimeouts(
      traced(tracer, "mysql", name, repository),
      databaseTimeoutMs,
      () => new ProblemError("storage-unavailable"),
    );
  // A write must not simply time out here: the repository withdraws it, or reports that its outcome is unknown.
  const withWrites = <T extends Repository<T>>(name: string, repository: T, writes: readonly (keyof T)[]): T => {
    const traceable = traced(tracer, "mysql", name, repository);
    const untimed = Object.fromEntries(writes.map((write) => [write, traceable[write]]));
    return unlessRefused({ ...withTimeouts(name, repository), ...untimed }, writes, settings);
  };
  const stillPending = traced(tracer, "redis", "pending", createPendingMessages(redis, config.partitioning));
  const { minReplicas: replicas } = config;
  const pending =
    replicas === 0
      ? stillPending
      : readReplicated(stillPending, redis, config.partitioning, { replicas, timeoutMs: replicasMs });
  const messages = withTimeouts("messages", createMessages(database));
  const readMessages = createReadMessages({ messages, pending });
  const search = createSearchIndex({ ...config.search, messages });
  const { prefix, partitions } = config.partitioning;
  const health = createHealth({
    checks: { database: createMigrationCheck(database), settings: settings.check },
    optionalChecks: { redis: createRedisPing(redis, prefix, partitions).every, search: () => search.ping() },
    staysReady: true,
  });
  const metrics = createMetrics(metricCatalogue, "api");
  metrics.gauge("confab_build_info").labels({ version: config.version }).set(1);
  exportHealthGauges(metrics.gauge("confab_dependency_up"), health);
  exportSettingsGauge(metrics.gauge("confab_store_settings_at_risk"), settings);
  createPoolGauges(metrics, database);
  const changes = withWrites("message-changes", createMessageChanges(database, { timeoutMs: databaseTimeoutMs }), [
    "edit",
    "remove",
  ]);
  const chats = withWrites("chats", createChats(database, { timeoutMs: databaseTimeoutMs }), ["create", "change"]);
  const signals = createLiveSignals(redis, config.partitioning);
  const ended = metrics.counter("confab_streams_ended_total");
  // From the start, so that the first one is an increase.
  for (const reason of endReasons) ended.labels({ reason });
  const coalescedReads = createCoalescedReads({
    atOnce: Math.ceil(config.database.poolSize / 2),
    userShare: config.userShare,
  });
  const rooms = createRooms({ signals, coalescedReads, chats });
  const refused = metrics.counter("confab_streams_refused_total");
  for (const limit of streamLimits) refused.labels({ limit });
  const places = createStreamPlaces({
    ...config.streams,
    onRefusal: (limit) => {
      refused.labels({ limit }).inc();
    },
  });
  const waits = createWaits({ rooms, places });
  const keys = withWrites("keys", createKeys(database, { timeoutMs: databaseTimeoutMs }), [
    "create",
    "rotate",
    "revoke",
  ]);
  const { userShare } = config;
  const access = createAccess({ ...config.access, userShare, addressOf: clientAddress, keys, redis, prefix, logger });
  const lookups = createChatLookups({ chats, pending });
  const continueAt = createContinueAt({ numberings: withTimeouts("numberings", createNumberings(database)), chats });
  const streams = createStreams({
    pages: createEventPages({
      readMessages,
      changes,
      continueAt,
      coalescedReads,
      logger,
    }),
    findMoved: createFindMovedChats(lookups),
    lastNumbers: lookups.lastNumbers,
    rooms,
    places,
    watchAccess: (principal, onEnd) => access.watch(principal, onEnd),
    onEnd: (reason) => {
      ended.labels({ reason }).inc();
    },
  });
  const openStreams = metrics.gauge("confab_streams");
  for (const kind of streamKinds) openStreams.labels({ kind }).onScrape(() => places.count(kind));
  const refreshing = repeat(
    snapshotMs,
    "reading the database for its gauges",
    createDatabaseGauges(metrics, database, {
      intervalMs: snapshotMs,
      share: createSnapshotSharing(redis, { prefix, version: config.version }),
    }),
    logger,
  );

  return {
    redis,
    applications: withWrites("applications", createApplications(database, { timeoutMs: databaseTimeoutMs }), [
      "create",
      "change",
    ]),
    chats,
    erasures: withWrites("erasures", createErasures(database, { timeoutMs: databaseTimeoutMs }), [
      "eraseApplication",
      "eraseChat",
      "eraseSender",
    ]),
    pendingErasure: createPendingErasure(redis, config.partitioning),
    messages,
    readMessages,
    keys,
    access,
    changes,
    signals,
    lookups,
    continueAt,
    streams,
    endStreams: createEndStreams(signals),
    waits,
    coalescedReads,
    horizons: withWrites("horizons", createHorizons(database, { timeoutMs: databaseTimeoutMs }), ["advance"]),
    pending,
    search: traced(tracer, config.search.backend, "search", search),
    reindex: createReindex(createOutbox(database, { backend: searchBackendOf(config.search) }), logger),
    backend: {
      own: searchBackendOf(config.search),
      read: withTimeouts("search-backend", createSearchBackend(database)).read,
    },
    health,
    metrics,
    tracer,
    async stop() {
      health.stop();
      rooms.stop();
      signals.stop();
      await access.stop();
      void refreshing.stop();
      await Promise.all([database.close(), search.close()]);
      redis.disconnect();
    },
  };
}
