/** What is kept of a message between its acceptance and its storage. */
export interface PendingRecord {
  /** 16 bytes: the batch's id with the item's place in it. */
  uid: Buffer;
  createdAt: Date;
  requestId: string;
  body: string;
}

/**
 * One line of facts, then the body as it is: `1 <uid, base64url> <ms> <request id>\n<body>`. Request ids hold no white
 * space, so nothing needs escaping on the hot path.
 */
export function encodeRecord(uid: Buffer, createdMs: number, requestId: string, body: string): string {
  return `1 ${uid.toString("base64url")} ${createdMs} ${requestId}\n${body}`;
}

/** Throws where the record was not written by `encodeRecord`. */
export function decodeRecord(record: string): PendingRecord {
  const end = record.indexOf("\n");
  const [version, uid, createdMs, requestId] = record.slice(0, end).split(" ");
  if (end < 0 || version !== "1" || uid === undefined || requestId === undefined) {
    throw new Error("A pending record of an unknown form: written by a newer version of Confab?");
  }
  return {
    uid: Buffer.from(uid, "base64url"),
    createdAt: new Date(Number(createdMs)),
    requestId,
    body: record.slice(end + 1),
  };
}
