import { z } from "zod";
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from "zod-openapi";
import { linksOf } from "./links.ts";
import { batchItemSchema, idempotencyKeySchema } from "./message.ts";
import { headerRefs, headers, problemExamples, type HeaderName } from "./openapi-components.ts";
import { problemMediaType, problemSchema } from "./problem-document.ts";
import { problems, type ProblemCode } from "./problems.ts";
import { commonProblems, hasTag, pathParameters, routes, type Route } from "./routes.ts";
import { apiVersion } from "./version.ts";

const description = `Applications own chats, chats own messages. Messages are numbered 1, 2, 3… in each chat.

**Errors** are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problems. Their \`code\` never changes its meaning. A path
that does not support a method answers 405 \`method-not-allowed\` with \`Allow\`, and an unknown path 404 \`route-not-found\`.
Paths are in lower case and do not end with a slash.

**Keys** go into the header \`Authorization: Bearer <key>\`. An installation decides whether keys are required. If they are not, the
token of an application opens everything in it, and a key that is sent is nevertheless checked. Only creating and listing
applications and managing keys always require a key, unless no admin key is configured.

**User tokens** go into the same header. Your back end signs one for each of its users, as a JSON Web Token with the scopes of the user
in each chat. The user is the sender of the messages that are sent with it.

**Unknown query parameters** answer 422. **Unknown fields** of bodies are ignored, and \`Confab-Ignored-Fields\` names them; bodies that
erase data or grant access must not have any.

**Version**: this is version ${apiVersion}. A request may name it in the header \`Confab-Version\`; the answer then repeats it.`;

/** The headers of every answer of a service, success or not. */
const always: readonly HeaderName[] = ["X-Request-ID", "Cache-Control"];
const limits: readonly HeaderName[] = ["RateLimit-Policy", "RateLimit"];

/**
 * Returns the problem responses of a route by status. Routes with the same problems share a component, named by their
 * codes.
 */
function problemResponses(route: Route, known: Map<string, object>): Record<string, object> {
  const codes = new Set<ProblemCode>([...route.problems, ...commonProblems]);
  const byStatus = Map.groupBy(codes, (code) => problems[code].status);
  const responses = [...byStatus]
    .sort(([a], [b]) => a - b)
    .map(([status, group]) => {
      const id = group.toSorted().join(".");
      const response = known.get(id) ?? { id, ...problemResponse(status, group) };
      known.set(id, response);
      return [String(status), response] as const;
    });
  return Object.fromEntries(responses);
}

function problemResponse(status: number, codes: readonly ProblemCode[]): object {
  return {
    description: codes.map((code) => `${code}: ${problems[code].title}`).join("; "),
    headers: headerRefs([
      ...always,
      ...(status === 429 || status === 503 ? (["Retry-After"] as const) : []),
      ...(status === 429 ? limits : []),
      ...(status === 401 ? (["WWW-Authenticate"] as const) : []),
    ]),
    content: {
      [problemMediaType]: {
        schema: problemSchema,
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}

function successHeaders(route: Route): HeaderName[] {
  const { success } = route;
  return [
    ...always,
    ...(success.location ? (["Location"] as const) : []),
    ...(success.links ? (["Link"] as const) : []),
    ...(hasTag(route) ? (["ETag"] as const) : []),
    ...(route.idempotent ? (["Idempotent-Replayed"] as const) : []),
    "Confab-Ignored-Fields",
    ...(route.limited === undefined ? [] : limits),
  ];
}

function requestHeaders(route: Route): { header?: z.ZodObject } {
  const shape = {
    ...(route.idempotent && { "Idempotency-Key": asParameter(idempotencyKeySchema) }),
    ...(route.versioned &&
      route.method !== "get" && {
        "If-Match": asParameter(
          z.string().meta({ description: "The ETags that the message may have: 412 if it has another one" }),
        ),
      }),
    ...(hasTag(route) &&
      route.method === "get" && {
        "If-None-Match": asParameter(
          z.string().meta({ description: "The ETag of an earlier answer: 304 if it has not changed" }),
        ),
      }),
  };
  return Object.keys(shape).length === 0 ? {} : { header: z.object(shape) };
}

/** Returns an optional parameter that has its description where tools look for it, beside its schema. */
function asParameter(schema: z.ZodType): z.ZodType {
  return schema.optional().meta({ param: { description: schema.description ?? "" } });
}

function operation(route: Route, known: Map<string, object>): ZodOpenApiOperationObject {
  const path = Object.fromEntries(route.params.map((name) => [name, pathParameters[name].schema]));
  const { body, success } = route;
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    description: `${route.description} A key needs the scope ${route.scopes.map((scope) => `\`${scope}\``).join(" or ")}.${route.openToUsers === true ? "" : " User tokens cannot be used."}`,
    security: securityOf(route),
    "x-confab-scopes": [...route.scopes],
    requestParams: {
      ...(route.params.length > 0 ? { path: z.object(path) } : {}),
      ...(route.query ? { query: route.query } : {}),
      ...requestHeaders(route),
    },
    ...(body
      ? {
          requestBody: {
            required: body.required,
            content: {
              "application/json": { schema: body.schema },
              ...(body.item ? { "application/x-ndjson": ndjson } : {}),
            },
          },
        }
      : {}),
    responses: {
      [String(success.status)]: {
        description: success.description,
        headers: headerRefs(successHeaders(route)),
        ...(success.schema && { content: { "application/json": { schema: success.schema } } }),
        ...(success.stream && { content: { "text/event-stream": { schema: z.string() } } }),
        ...linksOf(route),
      },
      ...(hasTag(route) &&
        route.method === "get" && {
          "304": {
            description: "Not changed since the answer with this ETag",
            headers: headerRefs([...always, "ETag"]),
          },
        }),
      ...problemResponses(route, known),
    },
  };
}

/**
 * Each entry is enough. The last one is no key, which is enough where keys are not required. Linters accept scopes of OAuth only, so
 * the scopes of keys have an extension of their own.
 */
function securityOf({ guard, openToUsers, success }: Route): Record<string, string[]>[] {
  return [
    ...(guard === "installation" ? [] : [{ applicationKey: [] }]),
    ...(openToUsers === true ? [{ userToken: [] }] : []),
    ...(success.stream === true ? [{ ticket: [] }] : []),
    { adminKey: [] },
    {},
  ];
}

const line = (body: string): string =>
  JSON.stringify({ application_token: "2f0c8a9e-5d0b-4b52-9a63-0c6ab5c3b6f1", chat_number: 1, body });
const ndjson = {
  schema: z.string().meta({ description: "One BatchItem per line" }),
  example: `${line("Hello world")}\n${line("Is anybody there?")}\n`,
};

/** Returns the OpenAPI 3.1 document of the whole API, generated from the tables that validate its requests. */
export function openApiDocument(options: { publicUrl: string; version: string }): ReturnType<typeof createDocument> {
  const paths: ZodOpenApiPathsObject = {};
  const known = new Map<string, object>();
  for (const route of Object.values<Route>(routes)) (paths[route.path] ??= {})[route.method] = operation(route, known);
  const document: ZodOpenApiObject = {
    openapi: "3.1.0",
    info: {
      title: "Confab",
      version: options.version,
      description,
      contact: { name: "The Confab authors" },
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: options.publicUrl }],
    tags: [
      { name: "Applications", description: "Tenants. Each is named by its token." },
      { name: "Chats", description: "Conversations, numbered from 1 in their application." },
      { name: "Messages", description: "Texts, numbered from 1 in their chat." },
      { name: "Keys", description: "Secrets with scopes, of an application or of the installation, and tickets." },
    ],
    components: {
      schemas: { BatchItem: batchItemSchema },
      headers,
      examples: problemExamples(options.publicUrl, usedCodes()),
      securitySchemes: {
        applicationKey: {
          type: "http",
          scheme: "bearer",
          description: "A key of the application (`confab_…`) with one of the scopes in `x-confab-scopes`",
        },
        userToken: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description:
            "A user token: a JSON Web Token that your back end signs for one of its users, with the claims `sub`, `iat`, `exp` and `chats`. It needs one of the scopes in `x-confab-scopes` in each chat that the request concerns",
        },
        ticket: {
          type: "apiKey",
          in: "query",
          name: "ticket",
          description: "A ticket, for one stream",
        },
        adminKey: {
          type: "http",
          scheme: "bearer",
          description:
            "An admin key (`confab_admin_…`) with one of the scopes in `x-confab-scopes`, or the configured one (ADMIN_API_KEY)",
        },
      },
    },
    paths,
  };
  return createDocument(document, {
    override: ({ jsonSchema }) => {
      removeNoise(jsonSchema);
    },
  });
}

/** Returns the codes that some operation may answer with. */
function usedCodes(): ReadonlySet<ProblemCode> {
  return new Set([...Object.values<Route>(routes).flatMap((route) => route.problems), ...commonProblems]);
}

/** zod adds the range of safe integers and long patterns for formats; they say nothing and end up in examples. */
function removeNoise(schema: { minimum?: unknown; maximum?: unknown; format?: unknown; pattern?: unknown }): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.format !== undefined) delete schema.pattern;
}
