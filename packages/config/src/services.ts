import type { z } from "zod";
import { apiVariables, loadApiConfig } from "./api.ts";
import { ingestVariables, loadIngestConfig } from "./ingest.ts";
import type { Environment } from "./parse-env.ts";
import { loadWorkerConfig, workerVariables } from "./worker.ts";

export const serviceNames = ["ingest", "api", "worker"] as const;
export type ServiceName = (typeof serviceNames)[number];

interface ServiceConfiguration {
  readonly variables: z.ZodObject;
  /** Loads the configuration. Throws a ConfigError that lists every problem. */
  readonly load: (env: Environment) => unknown;
}

/**
 * The configuration of each service, for code that treats all services alike: the command line, the documents and the
 * chart's tests.
 */
export const services: Readonly<Record<ServiceName, ServiceConfiguration>> = {
  ingest: { variables: ingestVariables, load: loadIngestConfig },
  api: { variables: apiVariables, load: loadApiConfig },
  worker: { variables: workerVariables, load: loadWorkerConfig },
};
