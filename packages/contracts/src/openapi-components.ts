import { linkRelations } from "./pagination.ts";
import { problemDocument } from "./problem-document.ts";
import { defaultDetail, type ProblemCode } from "./problems.ts";

const text = (description: string, example: string) => ({
  description,
  schema: { type: "string" as const },
  example,
});

/** The headers of answers. */
export const headers = {
  "X-Request-ID": text(
    "The request's id: a valid X-Request-ID of the request, or a new one",
    "0d0e7b1c-6a0f-4c3e-9d43-5f0a4c8f7f10",
  ),
  "Cache-Control": text("No cache may keep answers", "private, no-store"),
  Location: text("The path of the created resource", "/applications/2f0c8a9e-5d0b-4b52-9a63-0c6ab5c3b6f1/chats/1"),
  Link: text(
    `The pages that this page links to (RFC 8288), of the relations ${linkRelations.join(", ")}`,
    '</applications/2f0c8a9e-5d0b-4b52-9a63-0c6ab5c3b6f1/chats?limit=2&after=2>; rel="next"',
  ),
  ETag: text("Changes with the resource. Send it in If-None-Match.", '"wJ4v0vUjrbTDCvJp5bmNlLqCgTo"'),
  "Idempotent-Replayed": text(
    "`true` if the idempotency key was used before: the answer is the first one again, and nothing was created",
    "true",
  ),
  "Confab-Ignored-Fields": text(
    "Names of fields that Confab does not know and has ignored: at most ten, percent-encoded",
    "user, metadata",
  ),
  "RateLimit-Policy": text(
    "The limit of the application: q requests or messages in w seconds",
    '"messages";q=20000;w=4',
  ),
  RateLimit: text(
    "The rest of the limit (r), and the seconds until the limit is complete again (t)",
    '"messages";r=19999;t=1',
  ),
  "Retry-After": {
    description: "Seconds to wait before the next attempt",
    schema: { type: "integer" as const, minimum: 1 },
    example: 1,
  },
  "WWW-Authenticate": text("How to authenticate", 'Bearer realm="confab"'),
};

export type HeaderName = keyof typeof headers;
/** The names of the headers of answers. */
export const answerHeaders = Object.keys(headers) as readonly HeaderName[];

export const headerRefs = (names: readonly HeaderName[]): Record<string, { $ref: `#/components/headers/${string}` }> =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` as const }]));

/** Returns one example per problem, as a client receives it. */
export function problemExamples(publicUrl: string, codes: ReadonlySet<ProblemCode>) {
  return Object.fromEntries([...codes].map((code) => [code, { value: exampleOf(code, publicUrl) }]));
}

function exampleOf(code: ProblemCode, publicUrl: string): object {
  const errors = code === "validation-failed" ? [{ pointer: "/body", detail: "is required" }] : undefined;
  const request = { publicUrl, requestId: headers["X-Request-ID"].example, instance: "/messages" };
  const members = code === "position-reset" ? { last_number: 40 } : undefined;
  return problemDocument({ code, detail: defaultDetail(code), errors, members }, request);
}
