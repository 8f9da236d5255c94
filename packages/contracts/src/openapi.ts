import { z } from "zod";
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from "zod-openapi";
import { linksOf } from "./links.ts";
import { batchItemSchema, idempotencyKeySchema } from "./message.ts";
import { problems, type ProblemCode } from "./problems.ts";
import { pathParameters, routes, type Route } from "./routes.ts";

const problemSchema = z
  .object({
    type: z.string().meta({ description: "The problem's page; its last part is a stable code" }),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    instance: z.string().optional(),
    request_id: z.string().optional(),
    trace_id: z.string().optional(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .meta({ id: "Problem", description: "RFC 9457" });

const responseHeaders = {
  "X-Request-ID": { schema: { type: "string" }, description: "The request's id, as sent or made up" },
} as const;

function problemResponses(codes: readonly ProblemCode[]): Record<string, object> {
  const byStatus = Map.groupBy(new Set<ProblemCode>([...codes, "internal-error"]), (code) => problems[code].status);
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, group]) => [
        String(status),
        {
          description: group.map((code) => `${code}: ${problems[code].title}`).join("; "),
          headers: {
            ...responseHeaders,
            ...(status === 429 || status === 503
              ? { "Retry-After": { schema: { type: "integer" }, description: "Seconds to wait" } }
              : {}),
          },
          content: { "application/problem+json": { schema: problemSchema } },
        },
      ]),
  );
}

function operation(route: Route): ZodOpenApiOperationObject {
  const path = Object.fromEntries(route.params.map((name) => [name, pathParameters[name].schema]));
  const { body, success } = route;
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(route.admin ? { security: [{ adminKey: [] }, {}] } : {}),
    requestParams: {
      ...(route.params.length > 0 ? { path: z.object(path) } : {}),
      ...(route.query ? { query: route.query } : {}),
      ...(route.idempotent ? { header: z.object({ "Idempotency-Key": idempotencyKeySchema.optional() }) } : {}),
    },
    ...(body
      ? {
          requestBody: {
            required: body.required,
            content: {
              "application/json": { schema: body.schema },
              ...(body.item
                ? { "application/x-ndjson": { schema: z.string().meta({ description: "One item a line" }) } }
                : {}),
            },
          },
        }
      : {}),
    responses: {
      [String(success.status)]: {
        description: success.description,
        headers: {
          ...responseHeaders,
          ...(success.location
            ? { Location: { schema: { type: "string" }, description: "Where the new thing is" } }
            : {}),
          ...(success.link ? { Link: { schema: { type: "string" }, description: "RFC 8288: rel next and prev" } } : {}),
        },
        content: { "application/json": { schema: success.schema } },
        ...linksOf(route),
      },
      ...problemResponses(route.problems),
    } as ZodOpenApiOperationObject["responses"],
  };
}

/** The OpenAPI 3.1 document of the whole API, made from the tables that validate its requests. */
export function openApiDocument(options: { publicUrl: string; version: string }): ReturnType<typeof createDocument> {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of Object.values<Route>(routes)) (paths[route.path] ??= {})[route.method] = operation(route);
  const document: ZodOpenApiObject = {
    openapi: "3.1.0",
    info: {
      title: "Confab",
      version: options.version,
      description: "Applications own chats, chats own messages. Messages are numbered 1, 2, 3… in each chat.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: options.publicUrl }],
    tags: [
      { name: "Applications", description: "Who owns chats. The token is the key to everything below it." },
      { name: "Chats", description: "Numbered from 1 in their application." },
      { name: "Messages", description: "Numbered from 1 in their chat." },
    ],
    components: {
      schemas: { BatchItem: batchItemSchema },
      securitySchemes: { adminKey: { type: "http", scheme: "bearer", description: "The configured admin key" } },
    },
    paths,
  };
  return createDocument(document);
}
