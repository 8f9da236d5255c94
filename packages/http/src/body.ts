import { ProblemError } from "@confab/contracts";
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { findJsonFault } from "./json-fault.ts";

/** The client went away while its body was read: there is nobody to answer. */
export class RequestAbortedError extends Error {
  constructor() {
    super("the client left before its request was complete");
    this.name = "RequestAbortedError";
  }
}

/** Whether a body follows the headers at all, by RFC 9112 section 6. */
export function hasBody(req: IncomingMessage): boolean {
  const length = req.headers["content-length"];
  return req.headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/** The media type in lower case; a charset other than UTF-8 or a compressed body is refused with 415. */
export function mediaTypeOf(req: IncomingMessage): string {
  const [type = "", ...parameters] = (req.headers["content-type"] ?? "").toLowerCase().split(";");
  const charset = parameters.map((text) => text.trim()).find((text) => text.startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) {
    throw new ProblemError("unsupported-media-type", { detail: "The body's charset must be UTF-8." });
  }
  const encoding = req.headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new ProblemError("unsupported-media-type", { detail: "Compressed bodies are not read." });
  }
  return type.trim();
}

/**
 * Reads a JSON body of at most `limitBytes`; every refusal is a ProblemError (413, 415, 400 with the place). Keys such as `__proto__` arrive as
 * ordinary properties, which schemas then drop.
 */
export async function readJson(req: IncomingMessage, limitBytes: number): Promise<unknown> {
  const type = mediaTypeOf(req);
  if (!isJson(type)) throw notJson(type);
  return parseJson(await readText(req, limitBytes));
}

/** Parses JSON or throws a `malformed-json` problem that names the place of the fault, never the text around it. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProblemError("malformed-json", { detail: faultOf(text) });
  }
}

function isJson(mediaType: string): boolean {
  return mediaType === "application/json" || /^application\/[\w.-]+\+json$/.test(mediaType);
}

function notJson(mediaType: string): ProblemError {
  return new ProblemError("unsupported-media-type", {
    detail: `The body must be application/json${mediaType === "" ? ", as Content-Type must say" : ""}.`,
  });
}

function faultOf(text: string): string {
  if (text.trim() === "") return "The body is empty.";
  const position = findJsonFault(text);
  if (position >= text.length) return "The body ends before its JSON does.";
  const before = text.slice(0, position);
  const line = before.split("\n").length;
  const column = position - before.lastIndexOf("\n");
  return `Unexpected character at line ${line}, column ${column}.`;
}

/** Reads at most `limitBytes` of UTF-8; a declared length beyond it is refused before anything is read. */
export async function readText(req: IncomingMessage, limitBytes: number): Promise<string> {
  if (Number(req.headers["content-length"] ?? 0) > limitBytes) throw tooLarge(limitBytes);
  const bytes = await readBytes(req, limitBytes);
  if (!isUtf8(bytes)) throw new ProblemError("malformed-json", { detail: "The body is not valid UTF-8." });
  return bytes.toString("utf8");
}

function readBytes(req: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;

    function settle(): void {
      req.off("data", onData).off("end", onEnd).off("close", onGone).off("error", onGone);
    }
    function onData(chunk: Buffer): void {
      size += chunk.length;
      if (size > limitBytes) {
        settle();
        req.pause();
        reject(tooLarge(limitBytes));
        return;
      }
      chunks.push(chunk);
    }
    function onEnd(): void {
      settle();
      const [first] = chunks;
      resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, size));
    }
    function onGone(): void {
      settle();
      reject(new RequestAbortedError());
    }

    if (req.destroyed) reject(new RequestAbortedError());
    else req.on("data", onData).on("end", onEnd).on("close", onGone).on("error", onGone);
  });
}

function tooLarge(limitBytes: number): ProblemError {
  return new ProblemError("payload-too-large", { detail: `The body may have at most ${limitBytes} bytes.` });
}
