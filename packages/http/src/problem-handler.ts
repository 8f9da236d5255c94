import { ProblemError } from "@confab/contracts";
import type { ProblemCode } from "@confab/contracts";
import type { ErrorRequestHandler, Request, Response } from "express";
import { RequestAbortedError } from "./body.ts";
import { endBeforeBody } from "./lingering-close.ts";
import { PROBLEM_MEDIA_TYPE, problemDocument } from "./problem-document.ts";
import { contextOf } from "./request-context.ts";
import { requestPath } from "./request-path.ts";

/** The errors that Express, its router and body-parser raise themselves, by their `type`, one by one. */
const foreignErrors: Readonly<Record<string, ProblemCode>> = {
  "charset.unsupported": "unsupported-media-type",
  "encoding.unsupported": "unsupported-media-type",
  "entity.parse.failed": "malformed-json",
  "entity.too.large": "payload-too-large",
  "entity.verify.failed": "malformed-request",
  "parameters.too.many": "payload-too-large",
  "querystring.parse.rangeError": "malformed-request",
  "request.size.invalid": "malformed-request",
};

/** The only place that writes error answers: mounted last, it turns what was thrown into application/problem+json. */
export function createProblemHandler({ publicUrl }: { publicUrl: string }): ErrorRequestHandler {
  function handle(error: unknown, req: Request, res: Response): void {
    const context = contextOf(req);
    if (isAborted(error) || res.destroyed || req.socket.destroyed) {
      context.logger.debug({ err: error }, "client left");
      res.destroy();
      return;
    }
    const problem = toProblem(error);
    context.problem = problem.code;
    if (problem.code === "internal-error") context.logger.error({ err: error }, "unexpected error");
    else if (problem.status >= 500) context.logger.warn({ err: error, problem: problem.code }, "request failed");
    if (res.headersSent) {
      // Half an answer is out: only a broken connection can tell the client that it isn't whole.
      res.destroy();
      return;
    }
    send(req, res, problem, publicUrl);
  }
  // Express tells error handlers by their four parameters; nothing comes after this one.
  return Object.defineProperty(handle, "length", { value: 4 });
}

function send(req: Request, res: Response, problem: ProblemError, publicUrl: string): void {
  const instance = requestPath(req);
  const { requestId, traceId } = contextOf(req);
  const document = problemDocument(problem, { publicUrl, instance, requestId, traceId });
  const payload = Buffer.from(JSON.stringify(document));
  res.statusCode = problem.status;
  for (const [name, value] of Object.entries(problem.headers)) res.setHeader(name, value);
  if (problem.retryAfterSeconds !== undefined) res.setHeader("Retry-After", Math.ceil(problem.retryAfterSeconds));
  res.setHeader("Content-Type", PROBLEM_MEDIA_TYPE);
  res.setHeader("Content-Length", payload.length);
  res.setHeader("Cache-Control", "no-store");
  endBeforeBody(req, res, payload);
}

function toProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof URIError) {
    return new ProblemError("malformed-request", { detail: "The path's percent-encoding cannot be read." });
  }
  const code = foreignErrors[typeOf(error) ?? ""];
  return new ProblemError(code ?? "internal-error", { cause: error });
}

function isAborted(error: unknown): boolean {
  return error instanceof RequestAbortedError || typeOf(error) === "request.aborted";
}

function typeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("type" in error)) return undefined;
  return typeof error.type === "string" ? error.type : undefined;
}
