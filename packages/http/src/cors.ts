import { answerHeaders } from "@confab/contracts";
import cors from "cors";
import type { RequestHandler } from "express";

/** Time in seconds that a browser may cache the answer to a preflight request. This is Chromium's maximum. */
const maxAge = 7_200;

/**
 * Lets web pages of the given origins, such as `https://chat.example.com`, use the service
 * (https://fetch.spec.whatwg.org/#http-cors-protocol). Browser credentials such as cookies are not allowed: a page sets
 * `Authorization` itself. Mount it before the OPTIONS handler.
 */
export function createCors(origins: readonly string[]): RequestHandler {
  return cors({
    origin: [...origins],
    methods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    allowedHeaders: [
      "Authorization",
      "Content-Type",
      "Idempotency-Key",
      "If-Match",
      "If-None-Match",
      "Last-Event-ID",
      "Confab-Version",
      "X-Request-ID",
      "traceparent",
      "tracestate",
    ],
    exposedHeaders: [...answerHeaders, "Confab-Version"],
    maxAge,
    preflightContinue: true,
  });
}
