export { loadApiConfig, type ApiConfig } from "./api.ts";
export { version } from "./common.ts";
export { configurationPage } from "./configuration-page.ts";
export { describeVariables, type Variable } from "./describe-variables.ts";
export { loadIngestConfig, type IngestConfig } from "./ingest.ts";
export { durationMs } from "./leaves.ts";
export { libraryVariables } from "./library-variables.ts";
export { ConfigError, exitOnConfigError, parseEnv } from "./parse-env.ts";
export type { ConfigProblem, Environment } from "./parse-env.ts";
export { processVariables } from "./process-variables.ts";
export { serviceNames, services, type ServiceName } from "./services.ts";
export { checkingStores } from "./store-checks.ts";
export {
  databaseSettings,
  databaseVariables,
  expectedSettings,
  redisSettings,
  redisVariables,
  searchSettings,
  searchVariables,
} from "./store-variables.ts";
export { loadWorkerConfig, type WorkerConfig } from "./worker.ts";
