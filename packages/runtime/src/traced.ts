import { inSpan, noTracer, type Tracer } from "./tracer.ts";

type Method = (...args: unknown[]) => unknown;

/** An object whose functions return promises. Other fields are allowed. */
type Asynchronous<T> = {
  [K in keyof T]: T[K] extends (...args: never[]) => unknown ? (...args: never[]) => Promise<unknown> : T[K];
};

/**
 * Returns a copy of an object that records each call as a span `<name>.<method>` below the current span: a client span
 * for a store's `system`, or an internal span if there is no `system`. Without tracing, returns the object itself.
 */
export function traced<T extends Asynchronous<T>>(
  tracer: Tracer,
  system: string | undefined,
  name: string,
  target: T,
): T {
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
