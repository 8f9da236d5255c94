import { problemDocument, ProblemError, problemMediaType, type ProblemCode } from "@confab/contracts";
import { STATUS_CODES, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { createRequestId } from "./request-id.ts";
import { requestPath } from "./request-path.ts";

const codes: Readonly<Record<string, ProblemCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "request-timeout",
  HPE_HEADER_OVERFLOW: "headers-too-large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "payload-too-large",
};

const lingerMs = 1_000;

/**
 * Creates a listener for a server's `clientError` event, which answers requests that are not HTTP or arrive too slowly,
 * and then closes the connection.
 */
export function createClientErrorHandler(publicUrl: string, answerOf: (socket: never) => ServerResponse | undefined) {
  return (error: NodeJS.ErrnoException, socket: Duplex): void => {
    const answer = answerOf(socket as never);
    if (!socket.writable || error.code === "ECONNRESET") {
      socket.destroy();
      return;
    }
    if (answer?.headersSent === true && !answer.writableFinished) {
      // The previous answer may still be in flight, and nothing may be written into the middle of it.
      socket.end();
      setTimeout(() => socket.destroy(), lingerMs).unref();
      return;
    }
    const problem = new ProblemError(codes[error.code ?? ""] ?? "malformed-request");
    // The error may be in the body of a request whose headers have already been read.
    const begun = answer?.headersSent === false ? answer : undefined;
    const requestId = String(begun?.getHeader("X-Request-ID") ?? createRequestId());
    const request = { publicUrl, requestId, ...(begun !== undefined && { instance: requestPath(begun.req) }) };
    const body = JSON.stringify(problemDocument(problem, request));
    const head = [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ""}`,
      "Connection: close",
      `Content-Type: ${problemMediaType}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      "Cache-Control: private, no-store",
      "X-Content-Type-Options: nosniff",
      `X-Request-ID: ${requestId}`,
    ];
    socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
  };
}
