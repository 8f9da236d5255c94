import { traceIdOf } from "./traceparent.ts";
import type { Attributes, Span, SpanOptions, Tracer } from "./tracer.ts";

export interface SharedSpanOptions {
  readonly kind: NonNullable<SpanOptions["kind"]>;
  /** The spans for which the work is done, as W3C traceparents. Duplicates are harmless. */
  readonly causes: readonly string[];
  readonly attributes: Attributes;
}

/**
 * Starts one span for work that is done once for many causes. It belongs to the first cause's trace and links to every
 * cause. Every other trace gets a span with the same name, start and end that links to the first span, so that every
 * trace is complete. Returns undefined if there is no cause, or if the span is not recorded.
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
