import { encodeJson, type ProblemError, type Route } from "@confab/contracts";
import type { ErrorRequestHandler, Request, RequestHandler, Response } from "express";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { admit } from "./admission.ts";
import { parseJson } from "./body.ts";
import { commonHeadersOf, contextOf, setCommonHeaders, type Begin } from "./request-context.ts";
import { assertAnswer, headersOf, jsonMediaType } from "./route-answer.ts";
import { conditionHeaders, knownFieldsOf, parseObject, readIdempotencyKey } from "./route-input.ts";
import type { MountOptions, RouteHandler, RouteInput } from "./route-types.ts";
import { countedBytes, unsentOf } from "./unsent.ts";

type Listener = (req: IncomingMessage, res: ServerResponse) => void;

/** Serves a request, or passes it on without reading it. */
export type Direct = (req: IncomingMessage, res: ServerResponse, passOn: Listener) => void;

/** A route that has neither path parameters nor a query, but always a body and an answer. */
type DirectRoute = Route & { body: object; success: { schema: object } };

export interface DirectOptions extends MountOptions {
  readonly begin: Begin;
  /** Handlers that run before the route for each request. Each must call `next` synchronously. */
  readonly steps: readonly RequestHandler[];
  readonly onProblem: ErrorRequestHandler;
  /** Returns a problem while nothing is accepted, or else undefined. Called before any work on the key and the body. */
  readonly shed?: () => ProblemError | undefined;
}

/**
 * Maximum size of a body that is served here. It arrives with its headers, and parsing it takes less time than yielding
 * to the event loop.
 */
const maxBytes = 16_384;
const mediaTypes: ReadonlySet<string | undefined> = new Set(["application/json", jsonMediaType]);
const unusualHeaders = ["transfer-encoding", "content-encoding", "expect", "confab-version", ...conditionHeaders];

/**
 * Serves the usual requests to one route without Express and its router, with the same checks in the same order as
 * `mount`. A usual request has a small body that arrives together with the headers. All others are passed on before
 * anything is read, so that only the app, where the same route is mounted, has to handle unusual cases. See ADR 31 for
 * what this saves.
 */
export function createDirect<R extends DirectRoute>(
  route: R,
  handler: RouteHandler<R>,
  { access, budget, validateResponses = false, begin, steps, onProblem, shed }: DirectOptions,
): Direct {
  const known = knownFieldsOf(route);
  const method = route.method.toUpperCase();
  const limitBytes = Math.min(maxBytes, route.body.limitBytes);

  function isUsual(headers: IncomingHttpHeaders): boolean {
    const length = Number(headers["content-length"]);
    return (
      mediaTypes.has(headers["content-type"]) &&
      length > 0 &&
      length <= limitBytes &&
      unusualHeaders.every((name) => headers[name] === undefined)
    );
  }

  function serve(req: IncomingMessage, res: ServerResponse): void {
    let fault: unknown;
    for (const step of steps) {
      step(req as Request, res as Response, (error) => {
        fault = error;
      });
      if (fault !== undefined) break;
    }
    if (fault === undefined) {
      contextOf(req).route = route.path;
      fault = shed?.();
    }
    if (fault === undefined) void answer(req, res);
    else refuse(req, res, fault);
  }

  function refuse(req: IncomingMessage, res: ServerResponse, error: unknown): void {
    setCommonHeaders(req, res);
    void onProblem(error, req as Request, res as Response, () => undefined);
  }

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const context = contextOf(req);
    const lease = budget.open();
    try {
      const admission = access && admit(access, req, route, context);
      if (admission !== undefined) await admission;
      const idempotencyKey = route.idempotent === true ? readIdempotencyKey(req) : undefined;
      const bytes = req.read() as Buffer;
      lease.budget.take(lease, bytes.length);
      const body = parseObject(route.body.schema, parseJson(bytes, undefined, lease), known, context);
      const output = await handler({ params: {}, body, idempotencyKey, context } as RouteInput<R>);
      if (validateResponses) assertAnswer(route, output.body);
      // The client may have disconnected while the handler was running.
      if (res.destroyed) return;
      const payload = encodeJson(output.body);
      const size = Buffer.byteLength(payload);
      if (size > countedBytes) {
        const owner = { token: context.principal?.token ?? "", user: context.principal?.user?.id };
        unsentOf(res as Response)?.add(res as Response, { bytes: size, memory: res }, false, owner);
      }
      const headers = [...commonHeadersOf(context), ...headersOf(output, context)];
      headers.push("Content-Type", jsonMediaType, "Content-Length", String(size));
      // Node does not keep headers that are passed to writeHead, so the access log cannot read the size from them.
      context.answerBytes = size;
      res.writeHead(route.success.status, headers);
      res.end(payload);
    } catch (error) {
      refuse(req, res, error);
    } finally {
      lease.budget.release(lease);
    }
  }

  return (req, res, passOn) => {
    if (req.url !== route.path || req.method !== method || !isUsual(req.headers)) {
      passOn(req, res);
      return;
    }
    // By the next tick, Node's parser has delivered the part of the body that has arrived.
    process.nextTick(() => {
      if (req.readableLength !== Number(req.headers["content-length"])) {
        passOn(req, res);
        return;
      }
      const span = begin(req, res);
      if (span === undefined) serve(req, res);
      else
        span.run(() => {
          serve(req, res);
        });
    });
  };
}
