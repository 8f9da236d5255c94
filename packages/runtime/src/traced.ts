import { inSpan, noTracer, type Tracer } from "./tracer.ts";

type Method = (...args: unknown[]) => unknown;

/**
 * The same object, whose calls are spans `<name>.<method>` below the current span: client spans of a store's `system`, or internal spans
 * without one. Only functions that return promises may be called through the wrapper. Without tracing nothing is wrapped.
 */
export function traced<T extends object>(tracer: Tracer, system: string | undefined, name: string, target: T): T {
  const kind = system === undefined ? "internal" : "client";
  const attributes = { "db.system.name": system };
  if (tracer === noTracer) return target;
  const wrapped = Object.entries(target).map(([method, value]: [string, unknown]) => {
    if (typeof value !== "function") return [method, value];
    const call = value as Method;
    return [
      method,
      (...args: unknown[]) => {
        const span = tracer.start(`${name}.${method}`, { kind, attributes });
        return span === undefined ? call(...args) : inSpan(span, () => call(...args) as Promise<unknown>);
      },
    ];
  });
  return Object.fromEntries(wrapped) as T;
}
