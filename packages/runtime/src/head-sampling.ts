import { createContextKey, trace, type Context } from "@opentelemetry/api";
import { SamplingDecision, type Sampler } from "@opentelemetry/sdk-trace";
import type { Environment } from "./telemetry-options.ts";

const chosen = createContextKey("confab chosen");

export interface HeadSampling {
  readonly sampler: Sampler;
  /**
   * Returns the context in which to start a span, or undefined if the span would not be recorded. An untrusted caller's
   * sampling decision is ignored, but its span stays the parent, so that both spans can be found by the trace id.
   */
  admit(above: Context, isStranger?: boolean): Context | undefined;
}

/**
 * Implements OpenTelemetry's `parentbased_traceidratio`, but decides before a span is created. The SDK creates ids,
 * attributes and a context even for the spans that it then drops, and these cost more than the few recorded spans.
 * Returns undefined for any other sampler, which is left to the SDK.
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
