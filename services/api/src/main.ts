import { exitOnConfigError, loadApiConfig } from "@confab/config";
import { ignoreLostSessionRejections } from "@confab/database/lost-sessions";
import { startHttpServer } from "@confab/http";
import { assertJsonKeys, createLifecycle, createLogger, startAdminServer, startTelemetry } from "@confab/runtime";
import { createApiApp } from "./app.ts";
import { connectDependencies } from "./dependencies.ts";

/**
 * Time in ms within which live streams and waiting requests end after a shutdown begins, each at a different moment.
 */
const streamsEndMs = 5_000;

assertJsonKeys();
ignoreLostSessionRejections();
const config = exitOnConfigError(() => loadApiConfig(process.env));
const logger = createLogger(config.log);
const lifecycle = createLifecycle({ logger, ...config.shutdown });
lifecycle.onSignal("SIGTERM", "SIGINT");

if (config.access.adminKey === undefined && !config.access.required) {
  logger.warn(
    "ADMIN_API_KEY is not set: anyone who can reach this service can create and list applications and create keys",
  );
}

const tracer = await lifecycle.use("telemetry", () =>
  startTelemetry({
    env: process.env,
    service: "api",
    version: config.version,
    logger,
    trustCallers: config.trustCallers,
  }),
);
const dependencies = await lifecycle.use("dependencies", () => connectDependencies(config, logger, tracer));
const admin = await lifecycle.use("admin", () =>
  startAdminServer({ ...dependencies, ...config.admin, lifecycle, logger }),
);
const app = createApiApp({ ...dependencies, config, logger });
const http = await lifecycle.use("http", () => startHttpServer(app, { ...config.http, lifecycle }));
// Streams are stopped first, since the server waits for every answer.
await lifecycle.use("streams", () => ({
  stop: () => {
    dependencies.waits.stop(streamsEndMs);
    return dependencies.streams.stop(streamsEndMs);
  },
}));
lifecycle.markStarted();
logger.info({ port: http.port, adminPort: admin.port, search: config.search.backend }, "api ready");
