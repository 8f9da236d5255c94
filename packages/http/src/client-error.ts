import { ProblemError } from "@confab/contracts";
import type { ProblemCode } from "@confab/contracts";
import { randomUUID } from "node:crypto";
import { STATUS_CODES } from "node:http";
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { PROBLEM_MEDIA_TYPE, problemDocument } from "./problem-document.ts";

const codes: Readonly<Record<string, ProblemCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "request-timeout",
  HPE_HEADER_OVERFLOW: "headers-too-large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "payload-too-large",
};

const LINGER_MS = 1_000;

/** For a server's `clientError`: what isn't HTTP, or comes too slowly, gets a short answer, and its connection ends. */
export function createClientErrorHandler(publicUrl: string, answerOf: (socket: never) => ServerResponse | undefined) {
  return (error: NodeJS.ErrnoException, socket: Duplex): void => {
    const answer = answerOf(socket as never);
    if (!socket.writable || error.code === "ECONNRESET") {
      socket.destroy();
      return;
    }
    if (answer?.headersSent === true && !answer.writableFinished) {
      // What comes is nothing that could be answered, while the answer to what came before may be on its way to the client.
      socket.end();
      setTimeout(() => socket.destroy(), LINGER_MS).unref();
      return;
    }
    const problem = new ProblemError(codes[error.code ?? ""] ?? "malformed-request");
    const body = JSON.stringify(problemDocument(problem, { publicUrl, requestId: randomUUID() }));
    const head = [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ""}`,
      "Connection: close",
      `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
  };
}
