import type { Environment } from "./config.ts";
import type { Logger } from "./logger.ts";

export interface TelemetryOptions {
  readonly env: Environment;
  /** `ingest`, say; OTEL_SERVICE_NAME wins over `confab-ingest`. */
  readonly service: string;
  readonly version: string;
  /** Whether a request's `traceparent` decides if the request is recorded; by default clients cannot have everything recorded. */
  readonly trustCallers?: boolean;
  readonly logger: Pick<Logger, "warn">;
}
