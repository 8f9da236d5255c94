import { compactJson, JsonText, ProblemError } from "@confab/contracts";
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { giveWay } from "@confab/async";
import type { Lease } from "./byte-budget.ts";
import { sendContinue } from "./protocol.ts";
import { findJsonFault } from "./json-fault.ts";
import { readShape, type TextField } from "./json-shape.ts";

/** Thrown when the client leaves while its body is being read. No one waits for an answer any more. */
export class RequestAbortedError extends Error {
  constructor() {
    super("the client left before its request was complete");
    this.name = "RequestAbortedError";
  }
}

/** Returns whether a body follows the headers, according to RFC 9112, section 6. */
export function hasBody(req: IncomingMessage): boolean {
  const length = req.headers["content-length"];
  return req.headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/** Returns the media type in lower case. Refuses a charset other than UTF-8 and a compressed body with 415. */
export function mediaTypeOf(req: IncomingMessage): string {
  const [type = "", ...parameters] = (req.headers["content-type"] ?? "").toLowerCase().split(";");
  const charset = parameters.map((text) => text.trim()).find((text) => text.startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) {
    throw new ProblemError("unsupported-media-type", {
      detail: "The body's charset must be UTF-8. Correct or remove charset in Content-Type.",
    });
  }
  const encoding = req.headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new ProblemError("unsupported-media-type", {
      detail: "Compressed bodies are not supported. Send the body without Content-Encoding.",
    });
  }
  return type.trim();
}

/**
 * Reads a JSON body of at most `limitBytes`. Throws a ProblemError: 413, 415, 400 with the position of the error, or
 * 422 if the body is nested too deeply or has too many values. Keys such as `__proto__` are ordinary properties, which
 * schemas drop.
 */
export async function readJson(req: IncomingMessage, limitBytes: number, lease?: Lease): Promise<unknown> {
  assertJson(mediaTypeOf(req));
  const chunks: Buffer[] = [];
  await consumeBody(req, limitBytes, (chunk) => chunks.push(chunk), lease);
  const [first] = chunks;
  const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
  if (bytes.length > cheapBytes) await giveWay();
  return parseJson(bytes, undefined, lease);
}

/**
 * Maximum size of a body that is parsed without yielding to the event loop first, because parsing it takes less time.
 */
const cheapBytes = 16_384;

/** A part of a batch request: a line of NDJSON or a message in JSON, numbered from 1. */
export interface JsonSource {
  readonly kind: "line" | "message";
  readonly at: number;
}

/**
 * Parses JSON, or throws a `malformed-json` problem that names the position of the error and never quotes the text. An
 * object in a field of `jsonTextFields` becomes a JsonText. The lease is charged for all other values.
 */
export function parseJson(bytes: Buffer, source?: JsonSource, lease?: Lease): unknown {
  if (!isUtf8(bytes)) {
    throw new ProblemError("malformed-json", { detail: `${nameOf(source)} is not valid UTF-8. Encode it as UTF-8.` });
  }
  const { values, fields } = readShape(bytes);
  lease?.budget.charge(lease, values);
  const text = bytes.toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProblemError("malformed-json", { detail: faultOf(text, source) });
  }
  if (fields.length > 0) keepTexts(value as Record<string, unknown>, bytes, fields);
  return value;
}

/** Replaces each object with its text. If a name occurs several times, the last value counts, like in JSON.parse. */
function keepTexts(body: Record<string, unknown>, bytes: Buffer, fields: readonly TextField[]): void {
  for (const { name, from, to } of new Map(fields.map((field) => [field.name, field])).values()) {
    const value = body[name];
    if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
    body[name] = new JsonText(compactJson(bytes.toString("utf8", from, to)));
  }
}

/** Refuses every media type except JSON with 415. */
export function assertJson(mediaType: string): void {
  if (mediaType === "application/json" || /^application\/[\w.-]+\+json$/.test(mediaType)) return;
  throw new ProblemError("unsupported-media-type", {
    detail: "The body must be JSON. Send the header Content-Type: application/json.",
  });
}

/** Maximum length of text that is searched for an error: locating an error takes much longer than detecting it. */
const searchedLength = 65_536;

function faultOf(text: string, source: JsonSource | undefined): string {
  const name = nameOf(source);
  if (text.trim() === "") return `${name} is empty. Send JSON.`;
  const position = findJsonFault(text.slice(0, searchedLength));
  if (position >= searchedLength) return `${name} has a syntax error after its first ${searchedLength} characters.`;
  if (position >= text.length) return `${name} ends in the middle of its JSON.`;
  const before = text.slice(0, position);
  const line = before.split("\n").length;
  const column = position - before.lastIndexOf("\n");
  if (source?.kind === "line") return `Unexpected character in line ${source.at}, column ${column}.`;
  return `Unexpected character in line ${line}, column ${column}${source === undefined ? "" : ` of message ${source.at}`}.`;
}

function nameOf(source: JsonSource | undefined): string {
  if (source === undefined) return "The body";
  return source.kind === "line" ? `Line ${source.at}` : `Message ${source.at}`;
}

/**
 * Passes a body of at most `limitBytes` to `take` as it arrives; a larger declared length is refused before anything is
 * read. Stops reading if `take` or the lease throws. A client that sends faster than `take` works has to wait.
 */
export function consumeBody(
  req: IncomingMessage,
  limitBytes: number,
  take: (chunk: Buffer) => void,
  lease?: Lease,
): Promise<void> {
  const announced = Number(req.headers["content-length"] ?? NaN);
  if (announced > limitBytes) return Promise.reject(tooLarge(limitBytes));
  return new Promise((resolve, reject) => {
    const arrived: Buffer[] = [];
    let size = 0;
    let isWaiting = false;
    let hasEnded = false;
    let isSettled = false;

    function settle(): void {
      isSettled = true;
      req.off("data", onData).off("end", onEnd).off("close", onGone).off("error", onGone);
    }
    function fail(error: Error): void {
      if (isSettled) return;
      settle();
      req.pause();
      reject(error);
    }
    function work(): void {
      try {
        while (arrived.length > 0) {
          const turn = size > cheapBytes ? giveWay() : undefined;
          if (turn !== undefined) {
            rest(turn);
            return;
          }
          take(arrived.shift()!);
        }
      } catch (error) {
        fail(error as Error);
        return;
      }
      if (!hasEnded) return;
      settle();
      lease?.budget.complete(lease);
      resolve();
    }
    function rest(turn: Promise<void>): void {
      isWaiting = true;
      req.pause();
      void turn.then(() => {
        isWaiting = false;
        if (isSettled) return;
        req.resume();
        work();
      });
    }
    function onData(chunk: Buffer): void {
      try {
        size += chunk.length;
        if (size > limitBytes) throw tooLarge(limitBytes);
        if (chunk.length === announced) lease?.budget.take(lease, chunk.length);
        else lease?.budget.takePiece(lease, chunk.length);
      } catch (error) {
        fail(error as Error);
        return;
      }
      arrived.push(chunk);
      if (!isWaiting) work();
    }
    function onEnd(): void {
      hasEnded = true;
      if (!isWaiting) work();
    }
    function onGone(): void {
      // A complete request also emits `close`, possibly before its last chunks are processed.
      if (hasEnded) return;
      fail(new RequestAbortedError());
    }

    if (lease !== undefined) lease.evict = fail;
    sendContinue(req);
    if (req.destroyed) reject(new RequestAbortedError());
    else req.on("data", onData).on("end", onEnd).on("close", onGone).on("error", onGone);
  });
}

function tooLarge(limitBytes: number): ProblemError {
  return new ProblemError("payload-too-large", {
    detail: `The body has more than ${limitBytes} bytes. Shorten it or split the request.`,
  });
}
