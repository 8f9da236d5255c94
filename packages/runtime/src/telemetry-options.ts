import type { Logger } from "./logger.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface TelemetryOptions {
  readonly env: Environment;
  /** For example `ingest`; OTEL_SERVICE_NAME overrides `confab-ingest`. */
  readonly service: string;
  readonly version: string;
  /** Whether a request's `traceparent` decides if it is recorded. Off by default: else any client could have everything recorded. */
  readonly trustCallers?: boolean;
  readonly logger: Pick<Logger, "warn">;
}
