import { inSpan, noTracer, type Tracer } from "./tracer.ts";

type Method = (...args: unknown[]) => unknown;

/** An object whose functions return promises. It may have other fields. */
type Asynchronous<T> = {
  [K in keyof T]: T[K] extends (...args: never[]) => unknown ? (...args: never[]) => Promise<unknown> : T[K];
};

/**
 * Returns the same object, whose calls are spans `<name>.<method>` below the current span: client spans of a store's
 * `system`, or internal spans without one. Without tracing nothing is wrapped.
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
