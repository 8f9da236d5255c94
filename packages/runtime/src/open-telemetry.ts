import { withTimeout } from "@confab/async";
import { hostname } from "node:os";
import {
  diag,
  DiagLogLevel,
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span as OtelSpan,
  type SpanContext,
} from "@opentelemetry/api";
import { defaultResource, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { createHeadSampling } from "./head-sampling.ts";
import type { TelemetryOptions } from "./telemetry-options.ts";
import { parseTraceparent } from "./traceparent.ts";
import type { Span, Tracer } from "./tracer.ts";

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
} as const;

/** Maximum time in ms for sending the remaining spans when the process stops. */
const flushMs = 2_000;
/** Minimum time in ms between two log lines about an unavailable collector. */
const quietMs = 300_000;

/** Starts OpenTelemetry's SDK with the standard OTEL_* variables. No request ever waits for the collector. */
export function startOpenTelemetry({ env, service, version, logger, trustCallers = false }: TelemetryOptions): Tracer {
  const sampling = createHeadSampling(env);
  const sdk = new NodeSDK({
    resource: defaultResource().merge(
      resourceFromAttributes({
        "service.name": `confab-${service}`,
        "service.version": version,
        "service.instance.id": hostname(),
      }),
    ),
    // Excludes the process detector, which would export the command line and the user.
    resourceDetectors: [envDetector],
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
    ...(sampling && { sampler: sampling.sampler }),
  });
  logRarely(logger);
  sdk.start();
  const tracer = trace.getTracer("confab", version);
  // Exports only our spans. Otherwise Elasticsearch's client would start a trace with each health check.
  trace.disable();

  return {
    start(name, { kind = "internal", headers, parent, links = [], attributes } = {}) {
      const asked = headers === undefined ? contextOf(parent) : callerOf(headers);
      if (kind !== "server" && trace.getSpanContext(asked) === undefined) return undefined;
      const isStranger = headers !== undefined && !trustCallers;
      const caller = isStranger ? trace.getSpanContext(asked) : undefined;
      // A sampler of the SDK would follow a stranger's decision, so the span begins a new trace and links to the
      // caller's span instead.
      const above = sampling === undefined ? (isStranger ? ROOT_CONTEXT : asked) : sampling.admit(asked, isStranger);
      if (above === undefined) return undefined;
      const linked = links.flatMap((link) => spanContextOf(link) ?? []).map((found) => ({ context: found }));
      if (sampling === undefined && caller !== undefined) linked.push({ context: caller });
      const span = tracer.startSpan(name, { kind: kinds[kind], attributes: { ...attributes }, links: linked }, above);
      return span.isRecording() ? wrap(span) : undefined;
    },
    async stop() {
      const late = (): Error => new Error("The last spans were not exported in time");
      await withTimeout(sdk.shutdown(), flushMs, late).catch(() => undefined);
      diag.disable();
    },
  };
}

function wrap(span: OtelSpan): Span {
  const { traceId, spanId } = span.spanContext();
  return {
    traceId,
    traceparent: `00-${traceId}-${spanId}-01`,
    run: (work) => context.with(trace.setSpan(context.active(), span), work),
    rename: (name) => void span.updateName(name),
    set: (attributes) => void span.setAttributes({ ...attributes }),
    end(failure) {
      if (failure !== undefined) {
        const type = errorType(failure);
        span.setAttribute("error.type", type).setStatus({ code: SpanStatusCode.ERROR, message: type });
      }
      span.end();
    },
  };
}

/**
 * Returns the code of an error, or its class if it has no code. Texts of errors are left out, because they may quote
 * what a client sent.
 */
function errorType(failure: unknown): string {
  if (typeof failure === "string") return failure;
  if (!(failure instanceof Error)) return "_OTHER";
  const code = "code" in failure && typeof failure.code === "string" ? failure.code : "";
  return code === "" ? failure.constructor.name : code;
}

function callerOf(headers: Readonly<Record<string, unknown>>): Context {
  return headers.traceparent === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, headers);
}

function contextOf(parent: string | undefined): Context {
  if (parent === undefined) return context.active();
  const found = spanContextOf(parent);
  return found === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, found);
}

function spanContextOf(traceparent: string): SpanContext | undefined {
  const parts = parseTraceparent(traceparent);
  return parts && { traceId: parts.traceId, spanId: parts.spanId, traceFlags: parts.flags & 1, isRemote: true };
}

/** Logs the SDK's errors as warnings, at most one every five minutes. */
function logRarely(logger: TelemetryOptions["logger"]): void {
  let quietUntil = 0;
  const tell = (message: string, ...details: unknown[]): void => {
    if (Date.now() < quietUntil) return;
    quietUntil = Date.now() + quietMs;
    const reason = [message, ...details.map(String)].join(" ").slice(0, 500);
    logger.warn({ reason }, "traces are incomplete: the collector does not accept spans, or tracing is misconfigured");
  };
  const silent = (): void => undefined;
  diag.setLogger(
    { error: tell, warn: tell, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
