export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanOptions {
  /** `server` spans alone may begin a trace; every other kind needs a parent. */
  readonly kind?: "server" | "client" | "producer" | "consumer" | "internal";
  /** A request's headers, which may name the caller's span as the parent. */
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
  /** The parent as a W3C traceparent; by default the span under way. */
  readonly parent?: string;
  /** Spans of this trace or others that belong to it, as W3C traceparents. */
  readonly links?: readonly string[];
  readonly attributes?: Attributes;
}

/** A span that is recorded. */
export interface Span {
  readonly traceId: string;
  /** For those who go on with its work, here or in another process. */
  readonly traceparent: string;
  /** Runs work with this as the span under way. */
  run<T>(work: () => T): T;
  rename(name: string): void;
  set(attributes: Attributes): void;
  /** With an error, or `true` where there is none to tell, the span counts as failed. */
  end(failure?: unknown): void;
}

export interface Tracer {
  /** Undefined where the span is not recorded. */
  start(name: string, options?: SpanOptions): Span | undefined;
  /** Sends what is left, for two seconds at most. */
  stop(): Promise<void>;
}

/** Records nothing, and costs nothing. */
export const noTracer: Tracer = { start: () => undefined, stop: () => Promise.resolve() };

/** Runs work as a span, if it is recorded; what the work rejects with marks the span as failed. */
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
