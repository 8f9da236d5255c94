import type { Principal } from "@confab/access";
import type { ProblemCode } from "@confab/contracts";
import { noTracer, traceIdOf, type Logger, type Span, type Tracer } from "@confab/runtime";
import type { RequestHandler } from "express";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequestId } from "./request-id.ts";
import { setHeaders } from "./set-headers.ts";

export interface RequestContext {
  readonly requestId: string;
  /** Start time in milliseconds, from `performance.now()`. */
  readonly startedAt: number;
  /** Id of the trace that contains the request's span or, without a span, of the caller's trace. */
  readonly traceId: string | undefined;
  /**
   * The request's span as a W3C traceparent, for work that continues elsewhere, or undefined if no span is recorded.
   */
  readonly traceparent: string | undefined;
  /** Logger that adds the request id to each line. It is created on first use, since most requests log nothing. */
  readonly logger: Logger;
  /** Template of the request's route, for logs and metrics. */
  route: string | undefined;
  /** The principal that sends the request, or undefined if it is not known yet or the request has no key. */
  principal: Principal | undefined;
  /** Additional fields for the access log, such as the application and the chat. */
  logFields: Readonly<Record<string, string | number>> | undefined;
  /** Code of the problem that the request was answered with, if any. */
  problem: ProblemCode | undefined;
  /** Called when the request is held, so that its duration says nothing about the service. */
  onHold: (() => void) | undefined;
  /**
   * Called when the answer begins as a stream. Returns a function to call when the stream ends, which is not when
   * Node's response ends.
   */
  onStream: (() => () => void) | undefined;
  /** Whether the answer has begun as a stream. */
  isStream: boolean;
  /** Names of the request's fields that no schema knows. */
  ignored: Set<string> | undefined;
  /** Size of the answer's body, if the header Content-Length does not contain it. */
  answerBytes: number | undefined;
}

// Key of the context as a property of the request, which costs less than a WeakMap or `res.locals`. A symbol cannot
// collide.
const contextKey = Symbol("confab request context");
/** Value of `error.type` for a request whose client disconnects before the answer is complete. */
const clientDisconnected = "client_disconnected";
const saneRequestId = /^[A-Za-z0-9._-]{1,128}$/;

interface WithContext extends IncomingMessage {
  [contextKey]?: RequestContext;
}

/**
 * This is a class because V8 would keep an object literal with a getter, together with the request, until the next full
 * garbage collection.
 */
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
 * Begins a request: gives it an id (a valid `X-Request-ID` from the client, or a new one), a start time and, if it is
 * sampled, a server span, which is returned.
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

/** Creates a handler, to be mounted first, that begins each request and sets the headers that every answer has. */
export function requestContext(begin: Begin): RequestHandler {
  return (req, res, next) => {
    const span = begin(req, res);
    setCommonHeaders(req, res);
    if (span === undefined) next();
    else span.run(next);
  };
}

/** Returns the headers that every answer has, as alternating names and values. */
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

/** Ends the span and names it after the route's template, because a path contains a token. */
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
  // The span of a stream covers only its beginning, so it ends without an error.
  const isComplete = res.writableFinished || isStream;
  span.end(isComplete ? (res.statusCode >= 500 ? String(res.statusCode) : undefined) : clientDisconnected);
}
