import { apiVersion, ProblemError } from "@confab/contracts";
import type { RequestHandler } from "express";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createForeignHostCheck, type HostOptions } from "./foreign-host.ts";

const continueKey = Symbol("confab awaits 100 Continue");

interface MayAwait extends IncomingMessage {
  [continueKey]?: ServerResponse | undefined;
}

/**
 * Refuses requests that Node's parser accepts but this service would misread, and requests that a web page of another
 * host sends to a service on this machine. Mounted before the routes.
 */
export function createProtocolCheck(options: HostOptions): RequestHandler {
  const isForeign = createForeignHostCheck(options);
  return (req, res, next) => {
    const { host, "confab-version": version } = req.headers;
    if (version !== undefined) res.setHeader("Confab-Version", apiVersion);
    if (isForeign?.(host) === true) next(new ProblemError("misdirected-request"));
    else if (version !== undefined && version !== apiVersion) next(new ProblemError("unknown-version"));
    else next(protocolFault(req));
  };
}

function protocolFault(req: IncomingMessage): ProblemError | undefined {
  const { headers } = req;
  if (req.httpVersionMajor !== 1) {
    return new ProblemError("malformed-request", { detail: "Only HTTP 1.0 and 1.1 are supported. Use one of them." });
  }
  const coding = headers["transfer-encoding"];
  if (coding !== undefined && coding.toLowerCase() !== "chunked") {
    return new ProblemError("unknown-transfer-encoding", { headers: { Connection: "close" } });
  }
  const { expect } = headers;
  if (expect !== undefined && expect.toLowerCase() !== "100-continue") return new ProblemError("expectation-failed");
  if (hostsOf(req) > 1) {
    return new ProblemError("malformed-request", { detail: "The request has several Host headers. Send one." });
  }
  return undefined;
}

/**
 * Remembers that a client waits for 100 Continue. 100 Continue is sent only when the body is read, so a refusal saves
 * the client the upload.
 */
export function awaitContinue(req: IncomingMessage, res: ServerResponse): void {
  (req as MayAwait)[continueKey] = res;
}

/** Sends 100 Continue to a client that waits for it. */
export function sendContinue(req: IncomingMessage): void {
  const { [continueKey]: res } = req as MayAwait;
  if (res === undefined) return;
  (req as MayAwait)[continueKey] = undefined;
  res.writeContinue();
}

/** Returns whether the client still waits for 100 Continue before it sends its body. */
export function awaitsContinue(req: IncomingMessage): boolean {
  return (req as MayAwait)[continueKey] !== undefined;
}

/**
 * Returns the number of Host headers. Node keeps only the first of several, while a reverse proxy may have used another
 * one.
 */
function hostsOf({ rawHeaders }: IncomingMessage): number {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (name.length === 4 && name.toLowerCase() === "host") hosts += 1;
  }
  return hosts;
}
