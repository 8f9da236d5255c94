import { expectChats, mayUse, type Access, type Principal } from "@confab/access";
import { ProblemError, expressPath, hasTag, idempotencyKeySchema, linkHeader } from "@confab/contracts";
import type { PageLinks, Route, pathParameters } from "@confab/contracts";
import { shortToken } from "@confab/runtime";
import type { Request, Response, Router } from "express";
import { hash } from "node:crypto";
import type { z } from "zod";
import { stringifyInTurns } from "./answer.ts";
import { readBatch } from "./batch.ts";
import { createHolding, type Hold } from "./holding.ts";
import { hasBody, readJson } from "./body.ts";
import { startEventStream, type EventStream } from "./event-stream.ts";
import type { ByteBudget, Lease } from "./byte-budget.ts";
import { ignoredHeader, noteIgnored } from "./ignored-fields.ts";
import { clientAddress } from "./client-address.ts";
import { contextOf } from "./request-context.ts";
import { requestPath } from "./request-path.ts";
import type { RequestContext } from "./request-context.ts";
import { unsentOf } from "./unsent.ts";
import { parseBody, parseParams, parseQuery } from "./validation.ts";

type ParamsOf<R extends Route> = {
  [Name in R["params"][number]]: z.output<(typeof pathParameters)[Name]["schema"]>;
};
type QueryOf<R extends Route> = R extends { query: infer Schema extends z.ZodType } ? z.output<Schema> : undefined;
type BodyOf<R extends Route> = R extends { body: { item: infer Item extends z.ZodType } }
  ? { readonly messages: readonly (z.output<Item> | ProblemError)[] }
  : R extends { body: { schema: infer Schema extends z.ZodType; required: infer Required } }
    ? z.output<Schema> | (Required extends true ? never : undefined)
    : undefined;

export interface RouteInput<R extends Route> {
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
  readonly idempotencyKey: string | undefined;
  /** The versions that the resource may have; undefined if any. */
  readonly versions: readonly number[] | undefined;
  readonly context: RequestContext;
  /** Only for routes that wait. */
  readonly hold: R extends { waits: true } ? Hold : undefined;
  /** The client's, only for routes that wait. */
  readonly address: R extends { waits: true } ? string : undefined;
}

type AnswerOf<R extends Route> = R extends { success: { schema: infer Schema extends z.ZodType } }
  ? z.input<Schema>
  : undefined;

export interface RouteOutput<R extends Route> {
  readonly body: AnswerOf<R>;
  /** The ETag of a resource that has versions. */
  readonly version?: number;
  /** The path of the created resource. */
  readonly location?: string;
  /** The queries of the pages that this one links to. */
  readonly link?: PageLinks;
  /** Whether a repeated idempotency key is answered, so that nothing new was created. */
  readonly replayed?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

export type RouteHandler<R extends Route> = (input: RouteInput<R>) => Promise<RouteOutput<R>> | RouteOutput<R>;

export interface MountOptions {
  /** Decides who may use the routes; without it they are public. */
  readonly access?: Access | undefined;
  /** Bounds the memory that bodies of unanswered requests hold; without a budget there is no bound. */
  readonly budget?: ByteBudget | undefined;
  /** For tests: an answer that does not match its schema is an error. */
  readonly validateResponses?: boolean;
}

/** A route with what is computed once for all of its requests. */
interface MountedRoute {
  readonly route: Route;
  readonly bodyFields: ReadonlySet<string>;
  readonly itemFields: ReadonlySet<string>;
  readonly queryFields: ReadonlySet<string>;
}

const noFields: ReadonlySet<string> = new Set();
/**
 * Mounts a row of the route table on a router. The handler receives only input that the row's schemas accept; everything
 * else is refused first, in the order key, path, query, headers, body. The handler's result is written as JSON.
 */
export function mount<R extends Route>(
  router: Router,
  route: R,
  handler: RouteHandler<R>,
  options: MountOptions = {},
): void {
  const { access, budget, validateResponses = false } = options;
  const mounted: MountedRoute = {
    route,
    bodyFields: fieldsOf(route.body?.schema),
    itemFields: fieldsOf(route.body?.item),
    queryFields: fieldsOf(route.query),
  };
  router[route.method](expressPath(route.path), async (req, res) => {
    const context = contextOf(req);
    context.route = route.path;
    const admission = access && admit(access, req, route, context);
    if (admission !== undefined) await admission;
    const params = parseParams(route.params, req.params);
    context.logFields = logFieldsOf(params);
    expectResource(context.principal, route, params);
    const query = readQuery(req, mounted, context);
    const idempotencyKey = route.idempotent === true ? readIdempotencyKey(req) : undefined;
    const versions = route.versioned === true ? readVersions(req.headers["if-match"]) : undefined;
    const lease = route.body === undefined ? undefined : budget?.open();
    try {
      const body = route.body === undefined ? undefined : await readRouteBody(req, route.body, mounted, lease);
      const holding = route.waits === true ? createHolding(req, res, context, access) : undefined;
      const waiting = holding && { hold: holding.hold, address: clientAddress(req) };
      const output = await handler({
        params,
        query,
        body,
        idempotencyKey,
        versions,
        context,
        ...waiting,
      } as RouteInput<R>);
      holding?.end();
      if (validateResponses) assertAnswer(route, output.body);
      const payload = await payloadOf(route, output.body);
      write(req, res, route, output, payload);
    } finally {
      lease?.budget.release(lease);
    }
  });
}

/** The input of a stream's handler, which writes its answer itself. A problem that it throws before is answered as usual. */
export interface StreamInput<R extends Route> extends Pick<RouteInput<R>, "params" | "query" | "context"> {
  readonly lastEventId: string | undefined;
  /** The client's. */
  readonly address: string;
  /** Begins the answer. `onClose` is called once, when the connection has closed. */
  readonly start: (onClose: () => void) => EventStream;
}

/**
 * Mounts a route whose answer is a stream of server-sent events. An object that outlives the handler should refer to nothing of its
 * input but the context: otherwise it keeps the whole request in memory.
 */
export function mountStream<R extends Route>(
  router: Router,
  route: R,
  handler: (input: StreamInput<R>) => Promise<void>,
  { access }: Pick<MountOptions, "access"> = {},
): void {
  const mounted = { route, bodyFields: noFields, itemFields: noFields, queryFields: fieldsOf(route.query) };
  router[route.method](expressPath(route.path), async (req, res) => {
    const context = contextOf(req);
    context.route = route.path;
    const admission = access && admit(access, req, route, context);
    if (admission !== undefined) await admission;
    const params = parseParams(route.params, req.params);
    context.logFields = logFieldsOf(params);
    expectResource(context.principal, route, params);
    const query = readQuery(req, mounted, context);
    const header = req.headers["last-event-id"];
    const lastEventId = typeof header === "string" && header !== "" ? header : undefined;
    const start = (onClose: () => void): EventStream => startEventStream(res, both(context.onStream?.(), onClose));
    const address = clientAddress(req);
    await handler({ params, query, context, lastEventId, address, start } as StreamInput<R>);
  });
}

/** Calls both. Not a closure of its caller's, which would refer to the request. */
function both(first: (() => void) | undefined, second: () => void): () => void {
  return () => {
    first?.();
    second();
  };
}

/** Finds the principal of a request and throws if it may not use the route. Needs no promise for a known key. */
function admit(access: Access, req: Request, route: Route, context: RequestContext): Promise<void> | undefined {
  const found = context.principal ?? access.identify(req);
  if (found instanceof Promise) {
    return found.then((principal) => {
      context.principal = principal;
      access.admit(route, principal);
    });
  }
  context.principal = found;
  access.admit(route, found);
  return undefined;
}

/** To the key of another application, an application does not exist. A user token opens only chats that it names. */
function expectResource(
  principal: Principal | undefined,
  { scopes }: Route,
  { token, chat }: { token?: string; chat?: number },
): void {
  if (token !== undefined && !mayUse(principal, token)) throw new ProblemError("application-not-found");
  if (chat !== undefined) expectChats(principal, scopes, [chat]);
}

async function payloadOf(route: Route, body: unknown): Promise<(string | Buffer)[]> {
  if (route.success.schema === undefined) return [];
  return route.body?.item === undefined ? [JSON.stringify(body)] : stringifyInTurns(body as object);
}

function fieldsOf(schema: z.ZodObject | undefined): ReadonlySet<string> {
  return new Set(Object.keys(schema?.shape ?? {}));
}

/** The application and chat in a path, for the log. */
function logFieldsOf({ token, chat }: { token?: string; chat?: number }): RequestContext["logFields"] {
  if (token === undefined) return undefined;
  return { application: shortToken(token), ...(chat !== undefined && { chat }) };
}

function readQuery(req: Request, { route, queryFields }: MountedRoute, context: RequestContext): unknown {
  // Express parses the query at each use, which requests without one are spared.
  if (route.query === undefined && !req.url.includes("?")) return undefined;
  const { query } = req;
  noteIgnored(context, query, queryFields, "?");
  return route.query === undefined ? undefined : parseQuery(route.query, query);
}

async function readRouteBody(
  req: Request,
  body: NonNullable<Route["body"]>,
  { bodyFields, itemFields }: MountedRoute,
  lease: Lease | undefined,
): Promise<unknown> {
  if (!body.required && !hasBody(req)) return undefined;
  const { schema, item, limitBytes, itemLimitBytes = limitBytes } = body;
  const context = contextOf(req);
  if (item !== undefined) {
    const form = {
      item,
      limitBytes,
      itemLimitBytes,
      noteItem: (value: object) => {
        noteIgnored(context, value, itemFields);
      },
      noteFrame: (value: object) => {
        noteIgnored(context, value, bodyFields);
      },
    };
    return parseBody(schema, await readBatch(req, form, lease));
  }
  const input = await readJson(req, limitBytes, lease);
  const value = parseBody(schema, input);
  noteIgnored(context, input as object, bodyFields);
  lease?.budget.assign(lease, value, lease.held);
  return value;
}

function readIdempotencyKey(req: Request): string | undefined {
  const header = req.headers["idempotency-key"];
  if (header === undefined) return undefined;
  const result = idempotencyKeySchema.safeParse(header);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new ProblemError("validation-failed", {
    errors: [{ pointer: "Idempotency-Key", detail: issue?.message ?? "is not valid" }],
  });
}

/**
 * The versions in an If-Match header. An unknown tag matches none. A weak one counts, unlike in RFC 9110 (section 13.1.1): a reverse
 * proxy that compresses an answer makes its tag weak, and the version stays the same.
 */
function readVersions(header: string | undefined): number[] | undefined {
  if (header === undefined || header.trim() === "*") return undefined;
  return header.split(",").flatMap((tag) => /^\s*(?:W\/)?"([1-9]\d{0,9})"\s*$/.exec(tag)?.slice(1).map(Number) ?? []);
}

function write<R extends Route>(
  req: Request,
  res: Response,
  route: R,
  output: RouteOutput<R>,
  payload: readonly (string | Buffer)[],
): void {
  // The client may have left while the handler worked.
  if (res.destroyed) return;
  const bytes = payload.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
  unsentOf(res)?.add(res, bytes, route.method === "get");
  res.statusCode = route.success.status;
  // Answers hold tokens and messages, which no cache may keep.
  res.setHeader("Cache-Control", "private, no-store");
  if (output.location !== undefined) res.setHeader("Location", output.location);
  const link = output.link === undefined ? undefined : linkHeader(requestPath(req), sentQuery(req, route), output.link);
  if (link !== undefined) res.setHeader("Link", link);
  if (output.replayed === true) res.setHeader("Idempotent-Replayed", "true");
  const { ignored } = contextOf(req);
  if (ignored !== undefined) res.setHeader("Confab-Ignored-Fields", ignoredHeader(ignored));
  for (const name in output.headers) res.setHeader(name, output.headers[name] ?? "");
  if (route.success.schema === undefined) {
    res.end();
    return;
  }
  if (hasTag(route)) {
    const tag = `"${output.version ?? hash("sha1", String(payload[0]), "base64url")}"`;
    res.setHeader("ETag", tag);
    if (route.method === "get" && names(req.headers["if-none-match"], tag)) {
      res.statusCode = 304;
      res.end();
      return;
    }
  }
  res.setHeader("Content-Type", "application/json; charset=utf-8");
  res.setHeader("Content-Length", bytes);
  for (const piece of payload.slice(0, -1)) res.write(piece);
  res.end(payload.at(-1));
}

/**
 * Whether an If-None-Match header names the tag, strong or weak. Unlike Express' `req.fresh` it ignores
 * `Cache-Control: no-cache`, which `fetch` adds to every conditional request.
 */
function names(header: string | undefined, tag: string): boolean {
  return header?.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === tag) ?? false;
}

function sentQuery(req: Request, route: Route): Record<string, string> {
  const known = Object.keys(route.query?.shape ?? {});
  return Object.fromEntries(
    known.flatMap((name) => (typeof req.query[name] === "string" ? [[name, req.query[name]]] : [])),
  );
}

function assertAnswer(route: Route, body: unknown): void {
  const result = route.success.schema?.safeParse(body);
  if (result?.success === false) {
    throw new Error(`${route.operationId} returned an answer that does not match its schema: ${result.error.message}`);
  }
}
