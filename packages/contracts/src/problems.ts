/** One row a problem: what clients see as `type`, `title` and `status`, and what its page says. */
export interface Problem {
  status: number;
  title: string;
  /** For the problem's page: why it happens and what to do about it. */
  meaning: string;
}

/** Every error that Confab answers with; the key is the last part of the problem's `type` and never changes its meaning. */
export const problems = {
  "malformed-request": {
    status: 400,
    title: "Malformed request",
    meaning: "The request is not valid HTTP: a header, the path or its percent-encoding cannot be read.",
  },
  "malformed-json": {
    status: 400,
    title: "Malformed JSON",
    meaning: "The body is not JSON in valid UTF-8. The detail says where reading stopped.",
  },
  unauthorized: {
    status: 401,
    title: "Admin key required",
    meaning: "Creating and listing applications needs the header `Authorization: Bearer <admin key>`.",
  },
  forbidden: {
    status: 403,
    title: "Admin key refused",
    meaning: "The admin key that was sent is not the configured one.",
  },
  "route-not-found": {
    status: 404,
    title: "Route not found",
    meaning: "No route has this path. The routes are listed at /docs and in /openapi.json.",
  },
  "problem-not-found": {
    status: 404,
    title: "Problem not found",
    meaning: "No problem has this code. All codes are listed at /problems.",
  },
  "application-not-found": {
    status: 404,
    title: "Application not found",
    meaning: "No application has this token. Tokens are UUIDs, answered when an application is created.",
  },
  "chat-not-found": {
    status: 404,
    title: "Chat not found",
    meaning: "The application has no chat of this number. Chats are numbered from 1 in the order of their creation.",
  },
  "message-not-found": {
    status: 404,
    title: "Message not found",
    meaning: "The chat has no message of this number. Messages are numbered from 1 in each chat.",
  },
  "method-not-allowed": {
    status: 405,
    title: "Method not allowed",
    meaning: "The path exists but not with this method. The `Allow` header names those that it has.",
  },
  "request-timeout": {
    status: 408,
    title: "Request timeout",
    meaning: "The request did not arrive in time. Send it again over a faster connection.",
  },
  "idempotency-conflict": {
    status: 409,
    title: "Idempotency key already used",
    meaning:
      "The same `Idempotency-Key` was sent within the last 24 hours with another body. Use a new key for a new request.",
  },
  "payload-too-large": {
    status: 413,
    title: "Payload too large",
    meaning: "The body is larger than this route accepts, or a batch has more than 1,000 messages. Split it.",
  },
  "unsupported-media-type": {
    status: 415,
    title: "Unsupported media type",
    meaning: "Bodies are `application/json` in UTF-8, not compressed; batches may be `application/x-ndjson` too.",
  },
  "expectation-failed": {
    status: 417,
    title: "Expectation failed",
    meaning: "The `Expect` header asks for something other than `100-continue`.",
  },
  "validation-failed": {
    status: 422,
    title: "Validation failed",
    meaning:
      "The request was read but says something that is not allowed. `errors` lists each place and what is expected there.",
  },
  "rate-limited": {
    status: 429,
    title: "Too many requests",
    meaning: "The application or the client address sends faster than its limit. Wait as long as `Retry-After` says.",
  },
  "misdirected-request": {
    status: 421,
    title: "Misdirected request",
    meaning: "The `Host` header names another host than this Confab. Use its address, or set PUBLIC_URL to that name.",
  },
  "headers-too-large": {
    status: 431,
    title: "Request header fields too large",
    meaning: "The request's headers are larger than 16 KiB together.",
  },
  "internal-error": {
    status: 500,
    title: "Internal error",
    meaning: "A defect of Confab. The `request_id` finds it in the logs.",
  },
  "unknown-transfer-encoding": {
    status: 501,
    title: "Transfer encoding not supported",
    meaning: "The `Transfer-Encoding` is something other than `chunked`. Send the body as it is.",
  },
  busy: {
    status: 503,
    title: "Too much at once",
    meaning:
      "The process that took the request holds as many bytes of requests and answers as it may. Nothing of this request was done; send it again after `Retry-After`.",
  },
  overloaded: {
    status: 503,
    title: "Too many messages are waiting",
    meaning:
      "Messages are accepted faster than they are stored, and the queue is full. Nothing of this request was taken; `Retry-After` says when to send it again.",
  },
  "intake-unavailable": {
    status: 503,
    title: "Messages cannot be accepted",
    meaning:
      "The queue that makes messages durable cannot be reached, or a store is set so that it would lose messages. The message may or may not have been taken: send it again with the same `Idempotency-Key`.",
  },
  "storage-unavailable": {
    status: 503,
    title: "Storage unavailable",
    meaning:
      "The database cannot be reached, or is set so that it would lose what it stores. Nothing of this request was done, and nothing will be. Messages to known chats are still accepted; reading works again when the database is back.",
  },
  "outcome-unknown": {
    status: 503,
    title: "Outcome unknown",
    meaning:
      "The database took the change and did not say in time whether it was made. Send the same request again: with the same `Idempotency-Key` nothing is created twice, and a repeated renaming changes nothing.",
  },
  "search-unavailable": {
    status: 503,
    title: "Search unavailable",
    meaning:
      "The search index cannot be reached. Everything else works; what is written meanwhile becomes searchable when it is back.",
  },
  "service-unavailable": {
    status: 503,
    title: "Service unavailable",
    meaning: "The service is starting, stopping or cannot be reached. Try again shortly.",
  },
} as const satisfies Record<string, Problem>;

export type ProblemCode = keyof typeof problems;

/** One place of a request that is wrong: a JSON pointer into the body, `?name` for a query parameter, a header's name. */
export interface FieldError {
  pointer: string;
  detail: string;
}

export interface ProblemOptions {
  detail?: string;
  errors?: FieldError[];
  /** Whole seconds for the Retry-After header; 429 and 503 always send one. */
  retryAfterSeconds?: number;
  headers?: Record<string, string>;
  cause?: unknown;
}

/** Thrown anywhere below a route; the HTTP edge turns it into an RFC 9457 answer. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly title: string;
  readonly detail: string | undefined;
  readonly errors: FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Record<string, string>;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    const { status, title } = problems[code];
    super(options.detail ?? title, { cause: options.cause });
    this.name = "ProblemError";
    this.code = code;
    this.status = status;
    this.title = title;
    this.detail = options.detail;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds ?? (status === 503 || status === 429 ? 1 : undefined);
    this.headers = options.headers ?? {};
  }
}
