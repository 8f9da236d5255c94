import { exitOnConfigError, loadIngestConfig } from "@confab/config";
import { ignoreLostSessionRejections } from "@confab/database/lost-sessions";
import { startHttpServer } from "@confab/http";
import { waitForRedis } from "@confab/redis";
import {
  assertJsonKeys,
  createLifecycle,
  createLogger,
  disablePretenuring,
  startAdminServer,
  startTelemetry,
} from "@confab/runtime";
import { createIngestApp } from "./app.ts";
import { connectDependencies, openStores } from "./dependencies.ts";

// This call comes first, because V8 applies the flag only to code that it optimizes afterwards.
disablePretenuring();
assertJsonKeys();
ignoreLostSessionRejections();
const config = exitOnConfigError(() => loadIngestConfig(process.env));
const logger = createLogger(config.log);
const lifecycle = createLifecycle({ logger, ...config.shutdown });
lifecycle.onSignal("SIGTERM", "SIGINT");

const tracer = await lifecycle.use("telemetry", () =>
  startTelemetry({
    env: process.env,
    service: "ingest",
    version: config.version,
    logger,
    trustCallers: config.trustCallers,
  }),
);
const stores = await lifecycle.use("stores", () => openStores(config, logger));
// The admin server starts before anything is awaited. Probes then see a live process that is not ready yet, and the
// reason.
const admin = await lifecycle.use("admin", () => startAdminServer({ ...stores, ...config.admin, lifecycle, logger }));
await waitForRedis(stores.redis, logger);
const dependencies = await lifecycle.use("dependencies", () => connectDependencies(stores, config, logger, tracer));
const { app, direct } = createIngestApp({ ...dependencies, config, logger });
const http = await lifecycle.use("http", () => startHttpServer(app, { ...config.http, lifecycle, direct }));
lifecycle.markStarted();
logger.info({ port: http.port, adminPort: admin.port, partitions: config.partitioning.partitions }, "ingest ready");
