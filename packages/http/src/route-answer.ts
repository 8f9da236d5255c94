import { encodeJson, hasTag, isList, linkHeader, type Route } from "@confab/contracts";
import type { Request, Response } from "express";
import { hash } from "node:crypto";
import { stringifyInTurns } from "./answer.ts";
import { ignoredHeader } from "./ignored-fields.ts";
import { contextOf, type RequestContext } from "./request-context.ts";
import { requestPath } from "./request-path.ts";
import type { Owner, RouteOutput } from "./route-types.ts";
import { setHeaders } from "./set-headers.ts";
import { unsentOf } from "./unsent.ts";

export const jsonMediaType = "application/json; charset=utf-8";

/** Encoded lists for routes whose requests may wait, keyed by list. Several requests can share an encoded list. */
const awaited = new WeakMap<object, Promise<(string | Buffer)[]>>();

/**
 * Returns the pieces of an answer's body. A list that answers several waiting requests is encoded only once. While long
 * lists are encoded, their owners take turns.
 */
export async function payloadOf(route: Route, body: unknown, owner: string | undefined): Promise<(string | Buffer)[]> {
  if (route.waits !== true) return encode(route, body, owner);
  const known = awaited.get(body as object) ?? encode(route, body, owner);
  awaited.set(body as object, known);
  return known;
}

async function encode(route: Route, body: unknown, owner: string | undefined): Promise<(string | Buffer)[]> {
  if (route.success.schema === undefined) return [];
  const isLong = isList(route) || route.body?.item !== undefined;
  return isLong ? stringifyInTurns(body as object, owner) : [encodeJson(body)];
}

/** Writes the answer to a request that a route has handled. */
export function writeAnswer<R extends Route>(
  req: Request,
  res: Response,
  route: R,
  owner: Owner,
  output: RouteOutput<R>,
  payload: readonly (string | Buffer)[],
): void {
  // The client may have disconnected while the handler was running.
  if (res.destroyed) return;
  const bytes = payload.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
  unsentOf(res)?.add(res, { bytes, memory: payload }, route.method === "get", owner);
  res.statusCode = route.success.status;
  setHeaders(res, headersOf(output, contextOf(req)));
  const link = output.link === undefined ? undefined : linkHeader(requestPath(req), sentQuery(req, route), output.link);
  if (link !== undefined) res.setHeader("Link", link);
  if (route.success.schema === undefined) {
    res.end();
    return;
  }
  if (hasTag(route)) {
    const tag = `"${output.tag ?? hash("sha1", payload.join(""), "base64url")}"`;
    res.setHeader("ETag", tag);
    if (route.method === "get" && names(req.headers["if-none-match"], tag)) {
      res.statusCode = 304;
      res.end();
      return;
    }
  }
  res.setHeader("Content-Type", jsonMediaType);
  res.setHeader("Content-Length", bytes);
  for (const piece of payload.slice(0, -1)) res.write(piece);
  res.end(payload.at(-1));
}

/** Returns the headers of an answer that do not depend on its body, as alternating names and values. */
export function headersOf(
  { location, replayed, headers }: Pick<RouteOutput<Route>, "location" | "replayed" | "headers">,
  { ignored }: RequestContext,
): string[] {
  // Answers contain tokens and messages, so no cache may keep them.
  const all = ["Cache-Control", "private, no-store"];
  if (location !== undefined) all.push("Location", location);
  if (replayed === true) all.push("Idempotent-Replayed", "true");
  if (ignored !== undefined) all.push("Confab-Ignored-Fields", ignoredHeader(ignored));
  for (const name in headers) all.push(name, headers[name] ?? "");
  return all;
}

/**
 * Returns whether an If-None-Match header is `*` or names the tag, strong or weak. Unlike Express' `req.fresh`, it
 * ignores `Cache-Control: no-cache`, which `fetch` adds to every conditional request.
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

/** Throws if an answer does not match its schema. */
export function assertAnswer(route: Route, body: unknown): void {
  const result = route.success.schema?.safeParse(body);
  if (result?.success === false) {
    throw new Error(`${route.operationId} returned an answer that does not match its schema: ${result.error.message}`);
  }
}
