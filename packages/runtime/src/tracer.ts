export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanOptions {
  /** Only `server` spans may begin a trace; every other kind needs a parent. */
  readonly kind?: "server" | "client" | "producer" | "consumer" | "internal";
  /** The request's headers, which may name the caller's span as the parent. */
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
  /** The parent as a W3C traceparent; the current span by default. */
  readonly parent?: string;
  /** Spans of this trace or others that belong to it, as W3C traceparents. */
  readonly links?: readonly string[];
  readonly attributes?: Attributes;
}

/** A span that is recorded. */
export interface Span {
  readonly traceId: string;
  /** The parent for work that continues here or in another process. */
  readonly traceparent: string;
  /** Runs work with this as the current span. */
  run<T>(work: () => T): T;
  rename(name: string): void;
  set(attributes: Attributes): void;
  /** With an error, or with `true` if there is no error object, the span counts as failed. */
  end(failure?: unknown): void;
}

export interface Tracer {
  /** Undefined if the span is not recorded. */
  start(name: string, options?: SpanOptions): Span | undefined;
  /** Exports the last spans, for at most two seconds. */
  stop(): Promise<void>;
}

/** Records nothing and costs nothing. */
export const noTracer: Tracer = { start: () => undefined, stop: () => Promise.resolve() };

/** Runs work in a span if it is recorded; a rejection marks the span as failed. */
export async function inSpan<T>(span: Span | undefined, work: () => Promise<T>): Promise<T> {
  if (span === undefined) return work();
  try {
    const result = await span.run(work);
    span.end();
    return result;
  } catch (error) {
    span.end(error);
    throw error;
  }
}
