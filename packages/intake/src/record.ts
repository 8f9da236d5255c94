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

/**
 * One line of facts, then the body as it is: `1 <uid, base64url> <ms> <request id>[ <traceparent>]\n<body>`. Neither
 * holds white space, so nothing needs escaping on the hot path.
 */
export function encodeRecord(
  uid: Buffer,
  createdMs: number,
  { requestId, trace, body }: Pick<PendingRecord, "requestId" | "trace" | "body">,
): string {
  const origin = trace === undefined ? requestId : `${requestId} ${trace}`;
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
    ...(trace !== undefined && { trace }),
    body: record.slice(end + 1),
  };
}
