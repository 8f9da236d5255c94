import type { IncomingMessage, ServerResponse } from "node:http";
import { hasBody } from "./body.ts";
import { awaitsContinue } from "./protocol.ts";

/** For a body up to this size, Node reads and drops the rest, and the connection stays open. */
const cheapBytes = 64 * 1024;
const lingerBytes = 8 * 1024 * 1024;
const lingerMs = 5_000;

/**
 * Ends an answer that may be sent before the request's body has arrived. Closing at once would reset the connection
 * while the client still sends, and the client would never see the answer. Therefore the whole answer is sent, and up
 * to five seconds or 8 MiB of the body are read and dropped before the connection closes.
 */
export function endBeforeBody(req: IncomingMessage, res: ServerResponse, payload: Buffer): void {
  if (req.complete || !hasBody(req) || Number(req.headers["content-length"] ?? Infinity) <= cheapBytes) {
    res.end(payload);
    return;
  }
  // A client that waits for 100 Continue usually sends no body after a refusal.
  if (awaitsContinue(req)) {
    res.setHeader("Connection", "close");
    res.end(payload);
    return;
  }
  let dropped = 0;
  const timer = setTimeout(end, lingerMs);

  function end(): void {
    clearTimeout(timer);
    req.off("data", drop).off("end", end).off("close", end);
    res.end();
  }
  function drop(chunk: Buffer): void {
    dropped += chunk.length;
    if (dropped > lingerBytes) end();
  }

  res.setHeader("Connection", "close");
  res.write(payload);
  req.on("data", drop).on("end", end).on("close", end).resume();
}
