import { z } from "zod";
import { applicationTokenSchema } from "./application.ts";
import { asInteger, maxNumber } from "./chat.ts";
import { keyIdSchema, type Scope } from "./keys.ts";
import type { LinkRelation } from "./pagination.ts";
import type { ProblemCode } from "./problems.ts";
import { readerSchema } from "./reads.ts";

export type Method = "get" | "post" | "put" | "patch" | "delete";

/**
 * The parameters of paths. One that does not parse is answered with the problem in `invalid`: nothing has such a token or number,
 * while any client could have such a reader.
 */
export const pathParameters = {
  token: { schema: applicationTokenSchema, invalid: "application-not-found" },
  chat: { schema: numberInPath("A chat's number in its application"), invalid: "chat-not-found" },
  message: { schema: numberInPath("A message's number in its chat"), invalid: "message-not-found" },
  reader: { schema: readerSchema, invalid: "validation-failed" },
  key: { schema: keyIdSchema, invalid: "key-not-found" },
} as const satisfies Record<string, { schema: z.ZodType<string | number, string>; invalid: ProblemCode }>;

export type PathParameter = keyof typeof pathParameters;

function numberInPath(description: string): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^[1-9]\d{0,9}$/)
    .transform(Number)
    .pipe(z.int().max(maxNumber))
    .meta({ override: asInteger(1, maxNumber), description, examples: [1] });
}

/** One row of the API. The same row validates requests and documents them. */
export interface Route {
  readonly method: Method;
  /** The path with OpenAPI's braces around the names of `pathParameters`. */
  readonly path: string;
  readonly operationId: string;
  readonly service: "api" | "ingest";
  readonly tag: "Applications" | "Chats" | "Messages" | "Keys";
  readonly summary: string;
  readonly description: string;
  /** A key needs one of these. */
  readonly scopes: readonly [Scope, ...Scope[]];
  /**
   * Requires a key if keys are required or ADMIN_API_KEY is configured: an admin key (`installation`), or also a key of the application.
   * All other routes require a key only if keys are required.
   */
  readonly guard?: "installation" | "application";
  /** Whether user tokens may be used, within the chats in which they have one of the scopes. */
  readonly openToUsers?: boolean;
  readonly params: readonly PathParameter[];
  readonly query?: z.ZodObject;
  readonly body?: {
    schema: z.ZodObject;
    required: boolean;
    limitBytes: number;
    /** Only for batch requests, which may also be NDJSON: the schema of an item and its maximum bytes as JSON. */
    item?: z.ZodObject;
    itemLimitBytes?: number;
  };
  /** The ETag of the resource names its version, and a change takes an If-Match header. */
  readonly versioned?: boolean;
  /** May wait before it answers, if the client asks for it. */
  readonly waits?: boolean;
  /**
   * How requests use the share of database sessions that their application has. By default, lists and everything that is no GET run in it
   * as a whole. `parts`: the handler decides which parts do, because the others may wait for something else. `none`: the requests
   * neither read much nor wait for each other's locks.
   */
  readonly share?: "parts" | "none";
  /** Takes an Idempotency-Key header. */
  readonly idempotent?: boolean;
  /**
   * Destroys more than one message, or ends a key: the command line asks before it calls the route. The name of a field: only if the
   * body has it.
   */
  readonly destroys?: true | "retention_days";
  /** The unit in which the rate limit of an application counts this route. */
  readonly limited?: "requests" | "messages";
  readonly success: {
    status: 200 | 201 | 202 | 204;
    description: string;
    /** Absent with 202 and 204. */
    schema?: z.ZodType;
    location?: boolean;
    /** The answer is a stream of server-sent events, which the schema does not describe. */
    stream?: boolean;
    /** The relations that the Link header of a list may have. */
    links?: readonly LinkRelation[];
  };
  readonly problems: readonly ProblemCode[];
}

export const kibibyte = 1024;
export const smallBody = 16 * kibibyte;
export const reading = [
  "unauthorized",
  "forbidden",
  "busy",
  "rate-limited",
  "storage-unavailable",
] as const satisfies readonly ProblemCode[];
/** For searches in the chats of an application. */
export const searching = [
  "application-not-found",
  "chat-not-found",
  "validation-failed",
  "search-unavailable",
  "service-unavailable",
  ...reading,
] as const satisfies readonly ProblemCode[];
export const writing = [
  "malformed-json",
  "payload-too-large",
  "unsupported-media-type",
  "validation-failed",
  ...reading,
] as const satisfies readonly ProblemCode[];
/** For routes whose answer depends on a write to the database. */
export const storing = [...writing, "outcome-unknown"] as const satisfies readonly ProblemCode[];

/** Problems that any request may be answered with, whatever its route. */
export const commonProblems = [
  "malformed-request",
  "unknown-version",
  "validation-failed",
  "request-timeout",
  "expectation-failed",
  "misdirected-request",
  "rate-limited",
  "headers-too-large",
  "internal-error",
  "unknown-transfer-encoding",
  "service-unavailable",
] as const satisfies readonly ProblemCode[];

/** Returns the route of a PATCH for clients that send PUT. */
export function asPut<const Patch extends Route, const Id extends string>(patch: Patch, operationId: Id) {
  return {
    // Without the names below, whose types would be intersected with those of `patch`.
    ...(patch as Omit<Patch, "method" | "operationId" | "summary" | "description">),
    method: "put" as const,
    operationId,
    summary: `${patch.summary} (same as PATCH)`,
    description: "The same as PATCH, for clients that send PUT. The answer is the resource after the change.",
  };
}

/** Returns whether answers have an ETag: those with a single resource. */
export function hasTag({ method, success, versioned }: Route): boolean {
  return success.schema !== undefined && (versioned === true || (method === "get" && success.links === undefined));
}

/**
 * Returns whether a route answers with a list, which is a page: at most `limit` items, and at most 1 MiB of contents.
 */
export function isList({ success: { schema } }: Route): boolean {
  return schema instanceof z.ZodArray;
}

/** Returns how much of a request runs in the share of its application. */
export function shareOf(route: Route): "whole" | "parts" | "none" {
  return route.share ?? (route.method !== "get" || isList(route) ? "whole" : "none");
}

/** Returns whether a route searches messages. */
export function isSearch({ scopes }: Route): boolean {
  return scopes.includes("search");
}

/** Returns a route's path as Express writes it: `/applications/:token`. */
export function expressPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** Returns a function that fills in the parameters of a route's path, percent-encoded. */
export function pathFiller(path: string): (params: Readonly<Record<string, string | number>>) => string {
  const parts = path.split(/\{(\w+)\}/);
  return (params) => {
    let filled = parts[0]!;
    for (let at = 1; at < parts.length; at += 2) {
      filled += encodeURIComponent(params[parts[at]!]!) + parts[at + 1]!;
    }
    return filled;
  };
}

/** Returns a route's path with its parameters filled in, percent-encoded. */
export function fillPath(path: string, params: Readonly<Record<string, string | number>>): string {
  return pathFiller(path)(params);
}
