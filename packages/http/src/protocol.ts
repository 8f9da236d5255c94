import { ProblemError } from "@confab/contracts";
import type { RequestHandler } from "express";
import type { IncomingMessage, ServerResponse } from "node:http";

const continueKey = Symbol("confab awaits 100 Continue");

interface MayAwait extends IncomingMessage {
  [continueKey]?: ServerResponse | undefined;
}

/** Refuses what Node's parser lets pass and this service would misunderstand; mounted before the routes. */
export const checkProtocol: RequestHandler = (req, _res, next) => {
  next(protocolFault(req));
};

function protocolFault(req: IncomingMessage): ProblemError | undefined {
  const { headers } = req;
  if (req.httpVersionMajor !== 1) {
    return new ProblemError("malformed-request", { detail: "The version of HTTP must be 1.0 or 1.1." });
  }
  const coding = headers["transfer-encoding"];
  if (coding !== undefined && coding.toLowerCase() !== "chunked") {
    return new ProblemError("unknown-transfer-encoding", { headers: { Connection: "close" } });
  }
  const { expect } = headers;
  if (expect !== undefined && expect.toLowerCase() !== "100-continue") return new ProblemError("expectation-failed");
  if (hostsOf(req) > 1) {
    return new ProblemError("malformed-request", { detail: "The request has more than one Host header." });
  }
  return undefined;
}

/** For requests that announce their body and wait for a word: it is given when the body is read, so that a refusal spares the client the sending. */
export function awaitContinue(req: IncomingMessage, res: ServerResponse): void {
  (req as MayAwait)[continueKey] = res;
}

/** Tells a client that waits for it to send its body. */
export function sendContinue(req: IncomingMessage): void {
  const { [continueKey]: res } = req as MayAwait;
  if (res === undefined) return;
  (req as MayAwait)[continueKey] = undefined;
  res.writeContinue();
}

/** Whether the client holds its body back until it is told to send it. */
export function awaitsContinue(req: IncomingMessage): boolean {
  return (req as MayAwait)[continueKey] !== undefined;
}

/** Node keeps the first of several, while what stands in front may have looked at another one. */
function hostsOf({ rawHeaders }: IncomingMessage): number {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (name.length === 4 && name.toLowerCase() === "host") hosts += 1;
  }
  return hosts;
}
