/** The status, the title and the explanation of a problem. */
export interface Problem {
  readonly status: number;
  readonly title: string;
  /** The event, its reason, and the next step. The problem's page shows it, and so does an answer without a detail of its own. */
  readonly meaning: string;
}

/** Every error answer of Confab by its code. A code never changes its meaning. */
export const problems = {
  "malformed-request": {
    status: 400,
    title: "Malformed request",
    meaning:
      "The request is not valid HTTP: its headers, its path or its query cannot be read. Correct it and send it again.",
  },
  "malformed-json": {
    status: 400,
    title: "Malformed JSON",
    meaning: "The body is not valid JSON in UTF-8. The detail names the position of the first error.",
  },
  "unknown-version": {
    status: 400,
    title: "Unknown API version",
    meaning:
      "This Confab does not have the API version that `Confab-Version` names. Send `Confab-Version: 1`, or no such header.",
  },
  unauthorized: {
    status: 401,
    title: "Valid key required",
    meaning:
      "The request needs a valid key or user token. It has none, or one that is unknown, revoked or expired, or a ticket that was used before. Send a valid one in the header `Authorization: Bearer <key>`.",
  },
  forbidden: {
    status: 403,
    title: "Key not sufficient",
    meaning:
      "The key or user token is valid, but it does not have the scope that this route needs, or not in this chat, or it is not an admin key, or the user of the token is another one. The detail names what is missing. Use another key or token.",
  },
  "route-not-found": {
    status: 404,
    title: "Route not found",
    meaning: "No route has this path. All routes are listed at /docs and in /openapi.json.",
  },
  "problem-not-found": {
    status: 404,
    title: "Problem not found",
    meaning: "No problem has this code. All codes are listed at /problems.",
  },
  "application-not-found": {
    status: 404,
    title: "Application not found",
    meaning:
      "No application has this token. Use the token, a UUID, that was returned when the application was created.",
  },
  "chat-not-found": {
    status: 404,
    title: "Chat not found",
    meaning:
      "The application has no chat with this number. Chats are numbered from 1 in the order of their creation. Use the number that was returned when the chat was created.",
  },
  "message-not-found": {
    status: 404,
    title: "Message not found",
    meaning: "The chat has no message with this number. Messages are numbered from 1 in each chat.",
  },
  "message-deleted": {
    status: 410,
    title: "Message deleted",
    meaning: "The message was deleted. Its number stays, and lists show it without its content.",
  },
  "key-not-found": {
    status: 404,
    title: "Key not found",
    meaning:
      "There is no such key. Use the `key_id` that was returned when the key was created; it is also listed, and it is a part of the key.",
  },
  "method-not-allowed": {
    status: 405,
    title: "Method not allowed",
    meaning: "The path does not support this method. The `Allow` header lists the methods that it supports.",
  },
  "request-timeout": {
    status: 408,
    title: "Request timeout",
    meaning: "The request did not arrive completely in time. Send it again, if possible over a faster connection.",
  },
  "idempotency-conflict": {
    status: 409,
    title: "Idempotency key already used",
    meaning:
      "Another request with this `Idempotency-Key` was sent within the last 24 hours. Use a new key for a new request, or repeat the first request unchanged.",
  },
  "history-full": {
    status: 409,
    title: "Message edited too often",
    meaning:
      "The message has 1,000 earlier versions, which is the maximum, so it was not edited. Send a new message, or delete this one.",
  },
  "key-not-active": {
    status: 409,
    title: "Key not active",
    meaning: "The key is revoked or has expired, so it cannot be replaced. Create a new key.",
  },
  "position-reset": {
    status: 409,
    title: "No such position",
    meaning:
      "The chat does not have a message with this number, or assigned the number again. Normally Redis has lost messages that were not stored yet; a number that was never assigned gets the same answer. `last_message_number` is the last number of the chat. `last_number` is the last number that you can keep. Drop what you have above it, and continue after it.",
  },
  "version-mismatch": {
    status: 412,
    title: "Message has another version",
    meaning:
      "The message no longer has the version that `If-Match` names, or another message has its number by now because Redis lost messages. Nothing was changed. Read the message again, and repeat the change with its new `ETag`.",
  },
  "payload-too-large": {
    status: 413,
    title: "Payload too large",
    meaning:
      "The body is larger than this route accepts, or a batch request has more than 1,000 messages. Split it into several requests.",
  },
  "unsupported-media-type": {
    status: 415,
    title: "Unsupported media type",
    meaning:
      "A body must be uncompressed `application/json` in UTF-8. A batch request may also be `application/x-ndjson`. Correct `Content-Type` or `Content-Encoding`.",
  },
  "expectation-failed": {
    status: 417,
    title: "Expectation failed",
    meaning: "The `Expect` header may only be `100-continue`. Send the request without it.",
  },
  "misdirected-request": {
    status: 421,
    title: "Misdirected request",
    meaning:
      "Confab does not serve the host in the `Host` header. Use the address that Confab is published at, or set PUBLIC_URL to this one.",
  },
  "validation-failed": {
    status: 422,
    title: "Validation failed",
    meaning: "The request is well-formed but some values are invalid. `errors` lists each field and what it must be.",
  },
  "rate-limited": {
    status: 429,
    title: "Too many requests",
    meaning:
      "The application or the client address sends more than its limit allows. Wait for the seconds in `Retry-After`, then send the request again.",
  },
  "too-many-erasures": {
    status: 429,
    title: "Too many open erasures",
    meaning:
      "The application has 100 erasures of senders that are not finished, which is the maximum, so this one was not recorded. Send the request again after `Retry-After`.",
  },
  "idempotency-keys-used-up": {
    status: 429,
    title: "Idempotency keys used up",
    meaning:
      "The application has used as many new idempotency keys as its limit allows. UUIDs of version 7 have no such limit: use them as keys. Repetitions, and messages without a key, are still accepted.",
  },
  "headers-too-large": {
    status: 431,
    title: "Request header fields too large",
    meaning: "The path and the headers are larger than Confab accepts: 8 KiB each, 16 KiB together. Shorten them.",
  },
  "internal-error": {
    status: 500,
    title: "Internal error",
    meaning: "Something went wrong in Confab. Quote the `request_id` when you report it.",
  },
  "unknown-transfer-encoding": {
    status: 501,
    title: "Transfer encoding not supported",
    meaning: "The only supported `Transfer-Encoding` is `chunked`. Send the body without another encoding.",
  },
  busy: {
    status: 503,
    title: "Process busy",
    meaning:
      "The process that received the request already holds as many bytes of requests and answers as it may. Nothing was done. Send the request again after `Retry-After`.",
  },
  overloaded: {
    status: 503,
    title: "Overloaded",
    meaning:
      "Messages are accepted faster than they are stored, or Redis has too little memory left. The detail names the limit that is reached. Nothing was accepted. Send the request again after `Retry-After`.",
  },
  "sending-unavailable": {
    status: 503,
    title: "Messages cannot be accepted",
    meaning:
      "Redis is unavailable or does not answer, so it is unknown whether the message was accepted. Send it again with the same `Idempotency-Key`.",
  },
  "storage-unavailable": {
    status: 503,
    title: "Database unavailable",
    meaning:
      "The database is unavailable, or was too slow. Nothing was done, and nothing will be. Messages to chats in use are still accepted. Send the request again after `Retry-After`.",
  },
  "outcome-unknown": {
    status: 503,
    title: "Outcome unknown",
    meaning:
      "The database did not confirm the change in time, or has not stored every message that may have this `Idempotency-Key`. So it is unknown whether the change was made. Send the same request again: with the same `Idempotency-Key` nothing is created twice, and a repeated rename changes nothing.",
  },
  "search-unavailable": {
    status: 503,
    title: "Search unavailable",
    meaning:
      "The search index is unavailable. Everything else works, and new messages become searchable when it is back. Search again after `Retry-After`.",
  },
  "service-unavailable": {
    status: 503,
    title: "Service unavailable",
    meaning: "The service is starting, stopping or unreachable. Send the request again after `Retry-After`.",
  },
} as const satisfies Record<string, Problem>;

export type ProblemCode = keyof typeof problems;

export const problemCodes = Object.keys(problems) as [ProblemCode, ...ProblemCode[]];

/**
 * An invalid part of a request: a JSON pointer into the body, `?name` for a query parameter, `{name}` for one in the path, or the
 * name of a header.
 */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

/** Members that programs need besides the code. */
export interface ProblemMembers {
  /** With `position-reset`: the number up to which the messages of the client are those of the chat. */
  readonly last_number?: number;
  /** With `position-reset`: the number of the chat's last message. */
  readonly last_message_number?: number;
  /** With `chat-not-found` and `forbidden`, for a request that names several chats: the numbers of those that are refused. */
  readonly chats?: number[];
}

export interface ProblemOptions {
  /** The event, its reason, and the next step; by default what is invalid, or the problem's meaning. */
  readonly detail?: string;
  readonly errors?: FieldError[];
  readonly members?: ProblemMembers;
  /** For the Retry-After header, which 429 and 503 always send; rounded up to whole seconds. */
  readonly retryAfterSeconds?: number;
  readonly headers?: Record<string, string>;
  readonly cause?: unknown;
}

/** Thrown below a route; the HTTP edge answers it as an RFC 9457 document. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly errors: FieldError[] | undefined;
  readonly members: ProblemMembers | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Record<string, string>;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    const { status, title } = problems[code];
    const detail = options.detail ?? (options.errors && sentenceOf(options.errors)) ?? defaultDetail(code);
    // Without a stack, which costs more than the rest of a refusal: the code says what happened, and the cause has its own.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(detail, { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = "ProblemError";
    this.code = code;
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.errors = options.errors;
    this.members = options.members;
    this.retryAfterSeconds = options.retryAfterSeconds ?? (status === 503 || status === 429 ? 1 : undefined);
    this.headers = options.headers ?? {};
  }
}

/** Returns the first error as a sentence, for logs and screens that show only the detail; undefined without errors. */
function sentenceOf([first, ...others]: readonly FieldError[]): string | undefined {
  if (first === undefined) return undefined;
  const subject = first.pointer === "" ? "The body" : first.pointer;
  const end = /[.?]$/.test(first.detail) ? "" : ".";
  return `${subject} ${first.detail}${end}${others.length > 0 ? ` See errors for ${others.length} more.` : ""}`;
}

/** Returns a problem's meaning as plain text, without Markdown. */
export function defaultDetail(code: ProblemCode): string {
  return problems[code].meaning.replaceAll("`", "");
}

/** Returns the URI of a problem. Its page explains the problem. */
export function problemType(publicUrl: string, code: ProblemCode): string {
  return `${publicUrl}/problems/${code}`;
}
