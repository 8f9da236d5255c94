import type { Principal } from "@confab/access";
import type { ProblemCode } from "@confab/contracts";
import { noTracer, traceIdOf, type Logger, type Span, type Tracer } from "@confab/runtime";
import type { RequestHandler } from "express";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequestId } from "./request-id.ts";
import { setHeaders } from "./set-headers.ts";

export interface RequestContext {
  readonly requestId: string;
  /** On the clock of `performance.now()`, in milliseconds. */
  readonly startedAt: number;
  /** The trace that the request belongs to: its own span's or the caller's. */
  readonly traceId: string | undefined;
  /** The request's span as a W3C traceparent, for work that continues elsewhere; undefined if no span is recorded. */
  readonly traceparent: string | undefined;
  /** Adds the request id to each line; created at its first use, since most requests log nothing. */
  readonly logger: Logger;
  /** The template of the request's route, for logs and metrics. */
  route: string | undefined;
  /** Who sends the request; undefined if that is not known yet, or if the request has no key. */
  principal: Principal | undefined;
  /** Further fields of the access log: application and chat. */
  logFields: Readonly<Record<string, string | number>> | undefined;
  /** The code of the problem that was answered. */
  problem: ProblemCode | undefined;
  /** Called when the request waits for something, so that its duration says nothing about the service. */
  onHold: (() => void) | undefined;
  /** Called when the answer begins as a stream. Returns what to call at its end, which is not the end of Node's response. */
  onStream: (() => () => void) | undefined;
  /** Whether the answer has begun as a stream. */
  isStream: boolean;
  /** The names of fields and query parameters that no schema knows. */
  ignored: Set<string> | undefined;
  /** The size of the answer's body, if the header Content-Length does not say it. */
  answerBytes: number | undefined;
}

// A property of the request costs less than a WeakMap or `res.locals`; a symbol cannot collide.
const contextKey = Symbol("confab request context");
/** The `error.type` of a request whose client disconnected before the answer was complete. */
const clientDisconnected = "client_disconnected";
const saneRequestId = /^[A-Za-z0-9._-]{1,128}$/;

interface WithContext extends IncomingMessage {
  [contextKey]?: RequestContext;
}

/** A class, because V8 would keep an object literal with a getter, and the request with it, until the next full collection. */
class Context implements RequestContext {
  readonly requestId: string;
  readonly traceId: string | undefined;
  readonly traceparent: string | undefined;
  readonly startedAt = performance.now();
  route: string | undefined = undefined;
  principal: Principal | undefined = undefined;
  logFields: RequestContext["logFields"] = undefined;
  problem: ProblemCode | undefined = undefined;
  onHold: RequestContext["onHold"] = undefined;
  onStream: RequestContext["onStream"] = undefined;
  isStream = false;
  ignored: Set<string> | undefined = undefined;
  answerBytes: number | undefined = undefined;
  readonly #parent: Logger;
  #logger: Logger | undefined = undefined;

  constructor(parent: Logger, requestId: string, traceId: string | undefined, traceparent: string | undefined) {
    this.#parent = parent;
    this.requestId = requestId;
    this.traceId = traceId;
    this.traceparent = traceparent;
  }

  get logger(): Logger {
    return (this.#logger ??= this.#parent.child({
      request_id: this.requestId,
      ...(this.traceId !== undefined && { trace_id: this.traceId }),
    }));
  }
}

/**
 * Begins a request: gives it an id (a valid `X-Request-ID` of the client, or a new one), its start time and, if it is sampled, a server
 * span, which is returned.
 */
export type Begin = (req: IncomingMessage, res: ServerResponse) => Span | undefined;

export function createBegin(logger: Logger, tracer: Tracer = noTracer): Begin {
  return (req, res) => {
    const given = req.headers["x-request-id"];
    const requestId = typeof given === "string" && saneRequestId.test(given) ? given : createRequestId();
    const method = req.method ?? "";
    const span = tracer.start(method, { kind: "server", headers: req.headers });
    const traceId = span?.traceId ?? traceIdOf(req.headers.traceparent);
    const context = new Context(logger, requestId, traceId, span?.traceparent);
    (req as WithContext)[contextKey] = context;
    if (span !== undefined) {
      res.on("close", () => {
        endSpan(span, method, res, context);
      });
    }
    return span;
  };
}

/** Begins each request, and sets the headers that every answer has. Mounted first. */
export function requestContext(begin: Begin): RequestHandler {
  return (req, res, next) => {
    const span = begin(req, res);
    setCommonHeaders(req, res);
    if (span === undefined) next();
    else span.run(next);
  };
}

/** Returns the headers that every answer has, names and values in turn. */
export function commonHeadersOf({ requestId }: RequestContext): string[] {
  return ["X-Request-ID", requestId, "X-Content-Type-Options", "nosniff"];
}

export function setCommonHeaders(req: IncomingMessage, res: ServerResponse): void {
  setHeaders(res, commonHeadersOf(contextOf(req)));
}

/** Returns the context of a request; throws if `requestContext` is not mounted first. */
export function contextOf(req: IncomingMessage): RequestContext {
  const context = (req as WithContext)[contextKey];
  if (context === undefined) throw new Error("requestContext() must be mounted first");
  return context;
}

/** Names the span by the route's template: a path holds a token. */
function endSpan(
  span: Span,
  method: string,
  res: ServerResponse,
  { requestId, route, logFields, problem, isStream }: RequestContext,
): void {
  if (route !== undefined) span.rename(`${method} ${route}`);
  span.set({
    "http.request.method": method,
    "url.scheme": "http",
    "http.route": route,
    "http.response.status_code": res.statusCode,
    "confab.request_id": requestId,
    "confab.application": logFields?.application,
    "confab.chat": logFields?.chat,
    "confab.problem": problem,
  });
  // The span of a stream covers its beginning.
  const isComplete = res.writableFinished || isStream;
  span.end(isComplete ? (res.statusCode >= 500 ? String(res.statusCode) : undefined) : clientDisconnected);
}
