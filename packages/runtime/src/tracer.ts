export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanOptions {
  /** Only `server` spans may begin a trace. Every other kind needs a parent. */
  readonly kind?: "server" | "client" | "producer" | "consumer" | "internal";
  /** The request's headers, which may name the caller's span as the parent. */
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
  /** The parent span as a W3C traceparent. By default, it is the current span. */
  readonly parent?: string;
  /** Related spans, in this trace or in others, as W3C traceparents. */
  readonly links?: readonly string[];
  readonly attributes?: Attributes;
}

/** A span that is recorded. */
export interface Span {
  readonly traceId: string;
  /** Identifies this span as the parent of further spans, in this process or another. */
  readonly traceparent: string;
  /** Runs work with this span as the current one. */
  run<T>(work: () => T): T;
  rename(name: string): void;
  set(attributes: Attributes): void;
  /** Ends the span. With an error, or with the type of an error as text, the span counts as failed. */
  end(failure?: unknown): void;
}

export interface Tracer {
  /** Starts a span. Returns undefined if the span is not recorded. */
  start(name: string, options?: SpanOptions): Span | undefined;
  /** Sends the remaining spans, for at most two seconds. */
  stop(): Promise<void>;
}

/** Records nothing. */
export const noTracer: Tracer = { start: () => undefined, stop: () => Promise.resolve() };

/**
 * Runs work in a span and ends the span, or only runs the work if there is no span. A rejection marks the span as
 * failed.
 */
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
