import { createContextKey, trace, type Context } from "@opentelemetry/api";
import { SamplingDecision, type Sampler } from "@opentelemetry/sdk-trace";
import type { Environment } from "./telemetry-options.ts";

const chosen = createContextKey("confab chosen");

export interface HeadSampling {
  readonly sampler: Sampler;
  /**
   * The context in which to start a span; undefined if the span would not be recorded. The sampling decision of an untrusted caller
   * is ignored, but its span stays the parent, so that both are found by the trace id.
   */
  admit(above: Context, isStranger?: boolean): Context | undefined;
}

/**
 * OpenTelemetry's `parentbased_traceidratio`, decided before a span is created. The SDK creates ids, attributes and a context even
 * for spans that it drops, and those cost more than the few that it keeps. Undefined for other samplers, which the SDK handles.
 */
export function createHeadSampling(
  env: Environment,
  random: () => number = () => Math.random(),
): HeadSampling | undefined {
  const text = env.OTEL_TRACES_SAMPLER_ARG ?? "";
  const ratio = Number(text);
  const isOurs = env.OTEL_TRACES_SAMPLER === "parentbased_traceidratio" && text !== "" && ratio >= 0 && ratio <= 1;
  if (!isOurs) return undefined;

  const isSampled = (above: Context): boolean => {
    const parent = trace.getSpanContext(above);
    return parent === undefined ? above.getValue(chosen) === true : (parent.traceFlags & 1) === 1;
  };
  return {
    sampler: {
      shouldSample: (above) => ({
        decision: isSampled(above) ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD,
      }),
      toString: () => `ParentBased{${ratio}}`,
    },
    admit(above, isStranger = false) {
      const parent = trace.getSpanContext(above);
      if (parent === undefined) return random() < ratio ? above.setValue(chosen, true) : undefined;
      if (!isStranger) return isSampled(above) ? above : undefined;
      return random() < ratio
        ? trace.setSpanContext(above, { ...parent, traceFlags: parent.traceFlags | 1 })
        : undefined;
    },
  };
}
