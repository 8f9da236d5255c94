const form = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;
const noTrace = "0".repeat(32);

/** Returns the trace id of a W3C traceparent, or undefined for anything else. */
export function traceIdOf(traceparent: unknown): string | undefined {
  const traceId = typeof traceparent === "string" ? form.exec(traceparent)?.[1] : undefined;
  return traceId === noTrace ? undefined : traceId;
}

/** Returns the parts of a W3C traceparent, or undefined for any other text. */
export function parseTraceparent(traceparent: string): { traceId: string; spanId: string; flags: number } | undefined {
  const [, traceId, spanId, flags] = form.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}
