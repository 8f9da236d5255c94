import { createContextKey, trace, type Context } from "@opentelemetry/api";
import { SamplingDecision, type Sampler } from "@opentelemetry/sdk-trace";
import type { Environment } from "./telemetry-options.ts";

const chosen = createContextKey("confab chosen");

export interface HeadSampling {
  readonly sampler: Sampler;
  /**
   * The context to start a span in, or undefined where the span would not be recorded. A stranger's sampling decision is ignored; its span stays
   * the parent, so that the trace id finds both.
   */
  admit(above: Context, isStranger?: boolean): Context | undefined;
}

/**
 * Creates OpenTelemetry's `parentbased_traceidratio`, decided before a span is created: for every span that it then
 * drops, the SDK creates ids, attributes and a context, which cost more than the few spans that are kept. Undefined for
 * any other sampler, which is left to the SDK.
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
