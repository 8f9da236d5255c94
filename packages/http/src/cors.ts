import { answerHeaders } from "@confab/contracts";
import cors from "cors";
import type { RequestHandler } from "express";

/** How long a browser may remember the answer to a preflight request, in seconds; Chromium accepts no more. */
const maxAge = 7_200;

/**
 * Lets web pages of the given origins, such as `https://chat.example.com`, use the service (https://fetch.spec.whatwg.org/#http-cors-protocol).
 * Credentials of browsers, such as cookies, stay refused: a page sends `Authorization` by itself. Mounted before the answers to OPTIONS.
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
