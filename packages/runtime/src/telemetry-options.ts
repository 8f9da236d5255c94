import type { Logger } from "./logger.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface TelemetryOptions {
  readonly env: Environment;
  /** The service name, for example `ingest`. OTEL_SERVICE_NAME overrides the derived `confab-ingest`. */
  readonly service: string;
  readonly version: string;
  /**
   * Whether a request's `traceparent` decides if the request is recorded. Off by default, because any client could
   * otherwise have everything recorded.
   */
  readonly trustCallers?: boolean;
  readonly logger: Pick<Logger, "warn">;
}
