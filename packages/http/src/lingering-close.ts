import type { IncomingMessage, ServerResponse } from "node:http";
import { hasBody } from "./body.ts";
import { awaitsContinue } from "./protocol.ts";

/** What is left of a body up to this size is read and dropped by Node, and the connection lives on. */
const CHEAP_BYTES = 64 * 1024;
const LINGER_BYTES = 8 * 1024 * 1024;
const LINGER_MS = 5_000;

/**
 * Ends an answer that may be out before the request's body is in. Closing at once would reset the connection under a client that still sends, which
 * then never sees the answer: so the answer goes out whole, and what arrives is dropped for five seconds or 8 MiB before the connection closes.
 */
export function endBeforeBody(req: IncomingMessage, res: ServerResponse, payload: Buffer): void {
  if (req.complete || !hasBody(req) || Number(req.headers["content-length"] ?? Infinity) <= CHEAP_BYTES) {
    res.end(payload);
    return;
  }
  // Such a client sends nothing after a refusal, or everything though nobody told it to.
  if (awaitsContinue(req)) {
    res.setHeader("Connection", "close");
    res.end(payload);
    return;
  }
  let dropped = 0;
  const timer = setTimeout(end, LINGER_MS);

  function end(): void {
    clearTimeout(timer);
    req.off("data", drop).off("end", end).off("close", end);
    res.end();
  }
  function drop(chunk: Buffer): void {
    dropped += chunk.length;
    if (dropped > LINGER_BYTES) end();
  }

  res.setHeader("Connection", "close");
  res.write(payload);
  req.on("data", drop).on("end", end).on("close", end).resume();
}
