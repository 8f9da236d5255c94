import { createLifecycle, createLogger, exitOnConfigError, startAdminServer, startTelemetry } from "@confab/runtime";
import { loadConfig } from "./config.ts";
import { connectDependencies } from "./dependencies.ts";
import { startWorker } from "./worker.ts";

const config = exitOnConfigError(() => loadConfig(process.env));
const logger = createLogger(config.log);
const lifecycle = createLifecycle({ logger, ...config.shutdown });
lifecycle.onSignal("SIGTERM", "SIGINT");

const tracer = await lifecycle.use("telemetry", () =>
  startTelemetry({ env: process.env, service: "worker", version: config.version, logger }),
);
const dependencies = await lifecycle.use("dependencies", () => connectDependencies(config, tracer));
const admin = await lifecycle.use("admin", () =>
  startAdminServer({ ...dependencies, ...config.admin, lifecycle, logger }),
);
await lifecycle.use("worker", () => startWorker({ ...dependencies, config, logger }));
logger.info(
  { adminPort: admin.port, search: config.search.backend, partitions: config.partitioning.partitions },
  "worker ready",
);
