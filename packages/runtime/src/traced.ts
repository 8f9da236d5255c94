import { inSpan, noTracer, type Tracer } from "./tracer.ts";

type Method = (...args: unknown[]) => unknown;

/**
 * The same object, with a client span `<name>.<method>` for each call under the current span. Without a current span, or without
 * tracing, nothing is added. Only functions that return promises may be called through the wrapper.
 */
export function traced<T extends object>(tracer: Tracer, system: string, name: string, target: T): T {
  if (tracer === noTracer) return target;
  const wrapped = Object.entries(target).map(([method, value]: [string, unknown]) => {
    if (typeof value !== "function") return [method, value];
    const call = value as Method;
    const attributes = { "db.system.name": system, "db.operation.name": method };
    return [
      method,
      (...args: unknown[]) => {
        const span = tracer.start(`${name}.${method}`, { kind: "client", attributes });
        return span === undefined ? call(...args) : inSpan(span, () => call(...args) as Promise<unknown>);
      },
    ];
  });
  return Object.fromEntries(wrapped) as T;
}
