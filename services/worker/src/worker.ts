import {
  createChats,
  createMessages,
  createOutbox,
  createPersistence,
  isTransient,
  isUnavailable,
  pruneBatches,
  pruneIdempotencyKeys,
} from "@confab/database";
import { createConsumer } from "@confab/queue";
import type { Logger } from "@confab/runtime";
import { SearchUnavailable } from "@confab/search";
import type { WorkerConfig } from "./config.ts";
import type { Dependencies } from "./dependencies.ts";
import { createIndexMessages } from "./handlers/index-messages.ts";
import { createStoreBatches } from "./handlers/store-batches.ts";
import { createStoreMetrics } from "./handlers/store-metrics.ts";
import { every } from "./schedules/every.ts";
import { createSweeps } from "./schedules/sweep.ts";

const hour = 3_600_000;
const idempotencyHours = 24;

/** Starts consuming and sweeping; `stop` finishes what was begun and leaves the rest to other workers. */
export function startWorker(dependencies: Dependencies & { config: WorkerConfig; logger: Logger }): {
  stop(): Promise<void>;
} {
  const { blocking, database, search, producer, backlogs, metrics: registry, config, logger } = dependencies;
  const messages = createMessages(database);
  const isAway = (error: unknown): boolean => isUnavailable(error) || isTransient(error);

  const metrics = createStoreMetrics(registry);
  const stores = backlogs.map((backlog, partition) =>
    createStoreBatches({
      partition,
      backlog,
      persistence: createPersistence(database),
      chats: createChats(database),
      producer,
      shouldWait: isAway,
      metrics,
      logger,
      maxRows: config.store.maxRows,
    }),
  );
  const index = createIndexMessages({
    outbox: createOutbox(database),
    messages,
    search,
    isAway: (error) => error instanceof SearchUnavailable || isAway(error),
    registry,
    logger,
  });
  const common = { connection: blocking, prefix: config.partitioning.prefix, logger };
  const consumers = [
    ...stores.map((store, partition) =>
      createConsumer({
        ...common,
        queue: "messages",
        partition,
        concurrency: config.store.concurrency,
        handle: ({ batch }) => store.handle(batch),
      }),
    ),
    createConsumer({ ...common, queue: "search", partition: 0, concurrency: 2, handle: () => index.run() }),
  ];
  const sweeps = createSweeps({ backlogs, producer, overdueMs: config.sweep.overdueMs, registry, logger });
  const schedules = [
    // A partition whose server is away does not hold up the others.
    ...sweeps.map((sweep, partition) =>
      every(config.sweep.intervalMs, `sweep of partition ${partition}`, sweep, logger),
    ),
    every(config.sweep.intervalMs, "index", () => index.run(), logger),
    every(
      hour,
      "prune",
      () => Promise.all([pruneBatches(database, config.fenceDays), pruneIdempotencyKeys(database, idempotencyHours)]),
      logger,
    ),
  ];

  return {
    async stop() {
      for (const store of stores) store.abandon();
      await Promise.all(schedules.map((schedule) => schedule.stop()));
      await Promise.all([index.stop(), ...consumers.map((consumer) => consumer.stop())]);
    },
  };
}
