/** What is kept of a message between its acceptance and its storage. */
export interface PendingRecord {
  /** 16 bytes: the batch's id with the item's place in it. */
  uid: Buffer;
  createdAt: Date;
  requestId: string;
  /** The request's span as a W3C traceparent, where it is recorded. */
  trace?: string | undefined;
  body: string;
}

/** Stands for a traceparent where a digest follows. */
const none = "-";

/**
 * One line of facts, then the body as it is: `1 <uid, base64url> <ms> <request id>[ <traceparent or ->[ <digest>]]\n<body>`.
 * No fact holds white space, so nothing needs escaping on the hot path. The digest is that of the idempotency key: a message
 * that gets another number takes its key along.
 */
export function encodeRecord(
  uid: Buffer,
  createdMs: number,
  {
    requestId,
    trace,
    body,
    digest,
  }: Pick<PendingRecord, "requestId" | "trace" | "body"> & { digest?: string | undefined },
): string {
  const key = digest === undefined ? "" : ` ${digest}`;
  const origin = trace === undefined && key === "" ? requestId : `${requestId} ${trace ?? none}${key}`;
  return `1 ${uid.toString("base64url")} ${createdMs} ${origin}\n${body}`;
}

/** Throws where the record was not written by `encodeRecord`. */
export function decodeRecord(record: string): PendingRecord {
  const end = record.indexOf("\n");
  const [version, uid, createdMs, requestId, trace] = record.slice(0, end).split(" ");
  if (end < 0 || version !== "1" || uid === undefined || requestId === undefined) {
    throw new Error("A pending record of an unknown form: written by a newer version of Confab?");
  }
  return {
    uid: Buffer.from(uid, "base64url"),
    createdAt: new Date(Number(createdMs)),
    requestId,
    ...(trace !== undefined && trace !== none && { trace }),
    body: record.slice(end + 1),
  };
}
