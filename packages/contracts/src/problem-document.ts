import { z } from "zod";
import { problemCodes, problems, problemType, type ProblemCode, type ProblemError } from "./problems.ts";

export const problemMediaType = "application/problem+json";

export const fieldErrorSchema = z
  .object({
    pointer: z.string().meta({
      description:
        "A JSON pointer into the body, `?name` for a query parameter, `{name}` for a parameter in the path, or the name of a header",
      examples: ["/body"],
    }),
    detail: z.string().meta({ examples: ["must not be empty or only white space"] }),
  })
  .meta({ id: "FieldError" });

const codeSchema = z
  .enum(problemCodes)
  .meta({ id: "ProblemCode", description: "The kind of problem. A code never changes its meaning." });

/** Members that a problem shares with a refused item of a batch request. */
export const problemShape = {
  type: z.string().meta({ description: "The address of the problem's page; it ends with the code" }),
  code: codeSchema,
  title: z.string().meta({ description: "A short title, the same for every problem of this code" }),
  detail: z.string().meta({ description: "The event, its reason, and the next step, for people" }),
  errors: z
    .array(fieldErrorSchema)
    .optional()
    .meta({ description: "With `validation-failed`: each invalid field and what it must be" }),
};

const memberShape = {
  last_number: z
    .int()
    .nonnegative()
    .optional()
    .meta({ description: "With `position-reset`: the last number that you can keep. Continue after it." }),
  last_message_number: z
    .int()
    .nonnegative()
    .optional()
    .meta({ description: "With `position-reset`: the number of the chat's last message" }),
  chats: z.array(z.int()).optional().meta({
    description: "With `chat-not-found` and `forbidden`, if the request names several chats: those that are refused",
  }),
};

export const problemSchema = z
  .object({
    ...problemShape,
    ...memberShape,
    status: z.int().min(400).max(599).meta({ description: "The HTTP status" }),
    instance: z
      .string()
      .optional()
      .meta({ description: "The path of the request; absent where no request could be read" }),
    request_id: z.string().meta({ description: "The same as the X-Request-ID header; quote it in reports" }),
    trace_id: z.string().optional().meta({ description: "Only if the request is part of a trace" }),
  })
  .meta({ id: "Problem", description: "An error answer (RFC 9457)" });
export type ProblemDocument = z.infer<typeof problemSchema>;

/** Returns the problem document that a client receives. `instance` is the request's path without its query. */
export function problemDocument(
  problem: Pick<ProblemError, "code" | "detail" | "errors" | "members">,
  request: { publicUrl: string; requestId: string; traceId?: string | undefined; instance?: string },
): ProblemDocument {
  const { code, detail, errors, members } = problem;
  const { status, title } = problems[code];
  return {
    type: problemType(request.publicUrl, code),
    code,
    title,
    status,
    detail,
    ...(request.instance !== undefined && { instance: request.instance }),
    request_id: request.requestId,
    ...(request.traceId !== undefined && { trace_id: request.traceId }),
    ...(errors !== undefined && { errors }),
    ...members,
  };
}

/** Codes of the problems with which an item of a batch request can be refused. */
export const itemProblems = [
  "malformed-json",
  "forbidden",
  "application-not-found",
  "chat-not-found",
  "idempotency-conflict",
  "payload-too-large",
  "validation-failed",
  "rate-limited",
  "idempotency-keys-used-up",
  "busy",
  "overloaded",
  "sending-unavailable",
  "storage-unavailable",
  "outcome-unknown",
] as const satisfies readonly ProblemCode[];
