import { problemDocument, ProblemError, problemMediaType } from "@confab/contracts";
import type { ErrorRequestHandler, Request, Response } from "express";
import { RequestAbortedError } from "./body.ts";
import { endBeforeBody } from "./lingering-close.ts";
import { isSheddingLoad } from "./load-shedding.ts";
import { contextOf } from "./request-context.ts";
import { requestPath } from "./request-path.ts";

export interface ProblemHandlerOptions {
  readonly publicUrl: string;
  /** Translates an error of a store into a problem. Returns all other errors unchanged. */
  readonly toProblem?: (error: unknown) => unknown;
}

/**
 * Creates the only handler that writes error answers. Mounted last, it answers every thrown error with
 * application/problem+json.
 */
export function createProblemHandler({ publicUrl, toProblem }: ProblemHandlerOptions): ErrorRequestHandler {
  function handle(error: unknown, req: Request, res: Response): void {
    const context = contextOf(req);
    if (error instanceof RequestAbortedError || res.destroyed || req.socket.destroyed) {
      context.logger.debug({ err: error }, "client left");
      res.destroy();
      return;
    }
    const problem = problemOf(toProblem === undefined ? error : toProblem(error));
    context.problem = problem.code;
    if (problem.code === "internal-error") context.logger.error({ err: error }, "unexpected error");
    else if (problem.status >= 500 && !isSheddingLoad(problem.code))
      context.logger.warn({ err: error, problem: problem.code }, "request failed");
    if (res.headersSent) {
      // Part of an answer has been sent. Only a broken connection shows the client that the answer is incomplete.
      res.destroy();
      return;
    }
    send(req, res, problem, publicUrl);
  }
  // Express recognizes error handlers by their four parameters; the fourth is not needed here.
  return Object.defineProperty(handle, "length", { value: 4 });
}

function send(req: Request, res: Response, problem: ProblemError, publicUrl: string): void {
  const { requestId, traceId } = contextOf(req);
  const document = problemDocument(problem, { publicUrl, instance: requestPath(req), requestId, traceId });
  const payload = Buffer.from(JSON.stringify(document));
  res.statusCode = problem.status;
  for (const [name, value] of Object.entries(problem.headers)) res.setHeader(name, value);
  if (problem.retryAfterSeconds !== undefined) res.setHeader("Retry-After", Math.ceil(problem.retryAfterSeconds));
  res.setHeader("Content-Type", problemMediaType);
  res.setHeader("Content-Length", payload.length);
  res.setHeader("Cache-Control", "private, no-store");
  endBeforeBody(req, res, payload);
}

function problemOf(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof URIError) {
    return new ProblemError("malformed-request", {
      detail: "The path has an invalid percent-encoding. Encode each byte of UTF-8 as % and two hexadecimal digits.",
    });
  }
  return new ProblemError("internal-error", { cause: error });
}
