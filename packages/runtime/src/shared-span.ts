import { traceIdOf } from "./traceparent.ts";
import type { Attributes, Span, SpanOptions, Tracer } from "./tracer.ts";

export interface SharedSpanOptions {
  readonly kind: NonNullable<SpanOptions["kind"]>;
  /** The spans that the work is done for, as W3C traceparents; repetitions are harmless. */
  readonly causes: readonly string[];
  readonly attributes: Attributes;
}

/**
 * Starts one span for work that is done once for many: it belongs to the first cause's trace and links to every cause.
 * Each other trace gets a span of the same name and time that links to it, so that every trace is complete. Undefined
 * without a cause.
 */
export function startSharedSpan(
  tracer: Tracer,
  name: string,
  { kind, causes, attributes }: SharedSpanOptions,
): Span | undefined {
  if (causes.length === 0) return undefined;
  const parents = new Map<string, string>();
  for (const cause of causes) {
    const traceId = traceIdOf(cause);
    if (traceId !== undefined && !parents.has(traceId)) parents.set(traceId, cause);
  }
  const [first, ...others] = parents.values();
  if (first === undefined) return undefined;
  const span = tracer.start(name, { kind, parent: first, links: [...new Set(causes)], attributes });
  if (span === undefined) return undefined;
  const companions = others.flatMap((parent) => {
    return tracer.start(name, { parent, links: [span.traceparent], attributes }) ?? [];
  });
  return {
    ...span,
    set(more) {
      for (const each of [span, ...companions]) each.set(more);
    },
    end(failure) {
      for (const each of [span, ...companions]) each.end(failure);
    },
  };
}
