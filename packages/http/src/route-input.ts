import { ProblemError, idempotencyKeySchema, type Route } from "@confab/contracts";
import type { Request } from "express";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { z } from "zod";
import { readBatch, tokenIn } from "./batch.ts";
import { hasBody, readJson } from "./body.ts";
import type { Lease } from "./byte-budget.ts";
import { noteIgnored } from "./ignored-fields.ts";
import { contextOf, type RequestContext } from "./request-context.ts";
import { expectKnown } from "./unknown-parameters.ts";
import { parseBody, parseQuery } from "./validation.ts";

/**
 * Names of the fields and parameters in a route's schemas. Other parameters are refused. Other fields are ignored, and
 * the answer lists their names.
 */
export interface KnownFields {
  readonly body: ReadonlySet<string>;
  readonly item: ReadonlySet<string>;
  readonly query: ReadonlySet<string>;
}

export function knownFieldsOf({ body, query }: Route): KnownFields {
  return { body: fieldsOf(body?.schema), item: fieldsOf(body?.item), query: fieldsOf(query) };
}

function fieldsOf(schema: z.ZodObject | undefined): ReadonlySet<string> {
  return new Set(Object.keys(schema?.shape ?? {}));
}

export function readQuery(req: Request, route: Route, known: KnownFields): unknown {
  // Express parses the query on every access. A route without a query schema avoids this if the URL has no query.
  if (route.query === undefined && !req.url.includes("?")) return undefined;
  const { query } = req;
  expectKnown(query, known.query);
  return route.query === undefined ? undefined : parseQuery(route.query, query);
}

export async function readRouteBody(
  req: Request,
  body: NonNullable<Route["body"]>,
  known: KnownFields,
  lease: Lease,
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
        noteIgnored(context, value, known.item);
      },
      noteFrame: (value: object) => {
        noteIgnored(context, value, known.body);
      },
    };
    return parseBody(schema, await readBatch(req, form, lease));
  }
  const value = parseObject(schema, await readJson(req, limitBytes, lease), known, context);
  lease.budget.assign(lease, tokenIn(value), lease.held);
  return value;
}

/** Parses a JSON object with a schema, and notes the fields that the schema does not know. */
export function parseObject<T>(schema: z.ZodType<T>, input: unknown, known: KnownFields, context: RequestContext): T {
  const value = parseBody(schema, input);
  noteIgnored(context, input as object, known.body);
  return value;
}

export function readIdempotencyKey(req: IncomingMessage): string | undefined {
  const header = req.headers["idempotency-key"];
  if (header === undefined) return undefined;
  const result = idempotencyKeySchema.safeParse(header);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new ProblemError("validation-failed", {
    errors: [{ pointer: "Idempotency-Key", detail: issue?.message ?? "is not valid" }],
  });
}

const conditions = ["If-Match", "If-None-Match", "If-Unmodified-Since"].map(
  (name) => [name, name.toLowerCase()] as const,
);
/** Names of the conditional request headers, as Node spells them. */
export const conditionHeaders = conditions.map(([, key]) => key);

/**
 * Throws a problem for a condition that the route does not check. Ignoring it could destroy data that the client wants
 * to keep.
 */
export function expectConditions({ method, versioned }: Route, headers: IncomingHttpHeaders): void {
  if (method === "get") return;
  for (const [name, key] of conditions) {
    const header = headers[key];
    if (header === undefined || (name === "If-Match" && (versioned === true || header === "*"))) continue;
    const detail =
      versioned === true
        ? "is not supported: name the version of the message in If-Match instead"
        : "is not supported here: only messages have versions. Send the request without it";
    throw new ProblemError("validation-failed", { errors: [{ pointer: name, detail }] });
  }
}

/**
 * Returns the tags in an If-Match header, or undefined if it is `*` or there is no such header. Throws a problem for
 * any other text, which would match nothing. Unlike in RFC 9110, section 13.1.1, a weak tag counts: a reverse proxy
 * that compresses an answer makes its tag weak, but the resource stays the same.
 */
export function readTags(header: string | undefined): string[] | undefined {
  if (header === undefined || header.trim() === "*") return undefined;
  return header.split(",").map((part) => {
    const tag = /^\s*(?:W\/)?"([^"]*)"\s*$/.exec(part)?.[1];
    if (tag !== undefined) return tag;
    throw new ProblemError("validation-failed", {
      errors: [
        { pointer: "If-Match", detail: "must be the ETag of an answer, in its quotation marks, or several, or *" },
      ],
    });
  });
}
