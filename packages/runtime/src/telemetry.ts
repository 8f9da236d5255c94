import type { Environment, TelemetryOptions } from "./telemetry-options.ts";
import { noTracer, type Tracer } from "./tracer.ts";

/**
 * Starts tracing if the standard OTEL_* variables name an OTLP endpoint. Otherwise returns a tracer that records
 * nothing, and does not load OpenTelemetry. It must be stopped last, so that the spans of the shutdown are also
 * exported.
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Tracer> {
  if (!isWanted(options.env)) return noTracer;
  const { startOpenTelemetry } = await import("./open-telemetry.ts");
  return startOpenTelemetry(options);
}

function isWanted(env: Environment): boolean {
  const endpoint = [env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, env.OTEL_EXPORTER_OTLP_ENDPOINT];
  return (
    endpoint.some((url) => url !== undefined && url !== "") &&
    env.OTEL_SDK_DISABLED?.toLowerCase() !== "true" &&
    env.OTEL_TRACES_EXPORTER !== "none"
  );
}
