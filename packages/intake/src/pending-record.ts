import { crc32 } from "node:zlib";

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
 * One line of facts, then the body as it is: `1 <checksum> <uid, base64url> <ms> <request id>[ <traceparent or ->[ <digest>]]`
 * and `\n<body>`. No fact holds white space, so nothing needs escaping on the hot path. The checksum is the CRC-32 of all that
 * follows it, since Redis' append-only file has none: a bit that flips there must not be stored as a message. The digest is that
 * of the idempotency key: a message that gets another number takes its key along.
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
  const content = `${uid.toString("base64url")} ${createdMs} ${origin}\n${body}`;
  return `1 ${crc32(content).toString(36)} ${content}`;
}

/** Undefined where the record is damaged; throws where its form is of another version. */
export function decodeRecord(record: string): PendingRecord | undefined {
  if (!record.startsWith("1 ")) {
    throw new Error("A pending record of an unknown form: written by a newer version of Confab?");
  }
  const begin = record.indexOf(" ", 2) + 1;
  const content = record.slice(begin);
  if (record.slice(2, begin - 1) !== crc32(content).toString(36)) return undefined;
  const end = content.indexOf("\n");
  const [uid, createdMs, requestId, trace] = content.slice(0, end).split(" ");
  return {
    uid: Buffer.from(uid!, "base64url"),
    createdAt: new Date(Number(createdMs)),
    requestId: requestId!,
    ...(trace !== undefined && trace !== none && { trace }),
    body: content.slice(end + 1),
  };
}
