import { ProblemError, expressPath, idempotencyKeySchema, linkHeader } from "@confab/contracts";
import type { PageLinks, Route, pathParameters } from "@confab/contracts";
import { shortToken } from "@confab/runtime";
import type { Request, Response, Router } from "express";
import type { z } from "zod";
import { createAdminCheck } from "./admin-key.ts";
import { stringifyInTurns } from "./answer.ts";
import { readBatch } from "./batch.ts";
import { hasBody, readJson } from "./body.ts";
import type { ByteBudget, Lease } from "./byte-budget.ts";
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
  readonly context: RequestContext;
}

export interface RouteOutput<R extends Route> {
  readonly body: z.input<R["success"]["schema"]>;
  /** The path of what was created. */
  readonly location?: string;
  /** What the next and previous pages' queries change in this one's. */
  readonly link?: PageLinks;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status?: number;
}

export type RouteHandler<R extends Route> = (input: RouteInput<R>) => Promise<RouteOutput<R>> | RouteOutput<R>;

export interface MountOptions {
  /** Guards the routes marked `admin`; without one they are open. */
  readonly adminKey?: string | undefined;
  /** Bounds what the bodies of unanswered requests hold in memory; without one there is no bound. */
  readonly budget?: ByteBudget | undefined;
  /** For tests: an answer that its schema refuses becomes an error. */
  readonly validateResponses?: boolean;
}

/**
 * Puts a row of the route table on a router: the handler gets only what the row's schemas accept, everything else is refused before it with the
 * fitting problem (admin key, path, query, header, body, in this order), and what it returns is written as JSON.
 */
export function mount<R extends Route>(
  router: Router,
  route: R,
  handler: RouteHandler<R>,
  options: MountOptions = {},
): void {
  const { adminKey, budget, validateResponses = false } = options;
  const checkAdmin = route.admin === true && adminKey !== undefined ? createAdminCheck(adminKey) : undefined;
  router[route.method](expressPath(route.path), async (req, res) => {
    const context = contextOf(req);
    context.route = route.path;
    checkAdmin?.(req);
    const params = parseParams(route.params, req.params);
    context.facts = factsOf(params);
    const query = route.query === undefined ? undefined : parseQuery(route.query, req.query);
    const idempotencyKey = route.idempotent === true ? readIdempotencyKey(req) : undefined;
    const lease = route.body === undefined ? undefined : budget?.open();
    try {
      const body = route.body === undefined ? undefined : await readRouteBody(req, route.body, lease);
      const output = await handler({ params, query, body, idempotencyKey, context } as RouteInput<R>);
      if (validateResponses) assertAnswer(route, output.body);
      const payload =
        route.body?.item === undefined ? [JSON.stringify(output.body)] : await stringifyInTurns(output.body as object);
      write(req, res, route, output, payload);
    } finally {
      lease?.budget.release(lease);
    }
  });
}

/** Which application and chat a path is about, for the log. */
function factsOf({ token, chat }: { token?: string; chat?: number }): RequestContext["facts"] {
  if (token === undefined) return undefined;
  return { application: shortToken(token), ...(chat !== undefined && { chat }) };
}

async function readRouteBody(
  req: Request,
  body: NonNullable<Route["body"]>,
  lease: Lease | undefined,
): Promise<unknown> {
  if (!body.required && !hasBody(req)) return undefined;
  const { schema, item, limitBytes, itemLimitBytes = limitBytes } = body;
  const input =
    item === undefined
      ? await readJson(req, limitBytes, lease)
      : await readBatch(req, { item, limitBytes, itemLimitBytes }, lease);
  const value = parseBody(schema, input);
  if (item === undefined) lease?.budget.assign(lease, value, lease.held);
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
  res.statusCode = output.status ?? route.success.status;
  res.setHeader("Content-Type", "application/json; charset=utf-8");
  res.setHeader("Content-Length", bytes);
  // Answers hold tokens and messages, which no cache on the way may keep.
  res.setHeader("Cache-Control", "no-store");
  if (output.location !== undefined) res.setHeader("Location", output.location);
  const link = output.link === undefined ? undefined : linkHeader(requestPath(req), sentQuery(req, route), output.link);
  if (link !== undefined) res.setHeader("Link", link);
  for (const name in output.headers) res.setHeader(name, output.headers[name] ?? "");
  for (const piece of payload.slice(0, -1)) res.write(piece);
  res.end(payload.at(-1));
}

function sentQuery(req: Request, route: Route): Record<string, string> {
  const known = Object.keys(route.query?.shape ?? {});
  return Object.fromEntries(
    known.flatMap((name) => (typeof req.query[name] === "string" ? [[name, req.query[name]]] : [])),
  );
}

function assertAnswer(route: Route, body: unknown): void {
  const result = route.success.schema.safeParse(body);
  if (!result.success) {
    throw new Error(`${route.operationId} answered what its schema refuses: ${result.error.message}`);
  }
}
