import { exitOnConfigError, loadWorkerConfig } from "@confab/config";
import { ignoreLostSessionRejections } from "@confab/database/lost-sessions";
import { waitForRedis } from "@confab/redis";
import { assertJsonKeys, createLifecycle, createLogger, startAdminServer, startTelemetry } from "@confab/runtime";
import { connectDependencies, openStores } from "./dependencies.ts";
import { startWorker } from "./worker.ts";

assertJsonKeys();
ignoreLostSessionRejections();
const config = exitOnConfigError(() => loadWorkerConfig(process.env));
const logger = createLogger(config.log);
const lifecycle = createLifecycle({ logger, ...config.shutdown });
lifecycle.onSignal("SIGTERM", "SIGINT");

const tracer = await lifecycle.use("telemetry", () =>
  startTelemetry({ env: process.env, service: "worker", version: config.version, logger }),
);
const stores = await lifecycle.use("stores", () => openStores(config, logger, tracer));
// The admin server starts before anything is awaited. Probes then see a live process that is not ready yet, and the
// reason.
const admin = await lifecycle.use("admin", () => startAdminServer({ ...stores, ...config.admin, lifecycle, logger }));
await waitForRedis(stores.redis, logger);
await stores.settings.whenSafe();
const dependencies = await lifecycle.use("dependencies", () => connectDependencies(stores, config));
await lifecycle.use("worker", () => startWorker({ ...stores, ...dependencies, config, logger }));
lifecycle.markStarted();
logger.info(
  { adminPort: admin.port, search: config.search.backend, partitions: config.partitioning.partitions },
  "worker ready",
);
