import { crc32 } from "node:zlib";
import { decodeContent, encodeOtherFields, type MessageContent } from "@confab/contracts";

/** What Redis keeps of a pending message. */
export interface PendingRecord extends MessageContent {
  /** 16 bytes: the batch's id with the message's position in it. */
  uid: Buffer;
  createdAt: Date;
  requestId: string;
  /** The request's span as a W3C traceparent, where it is recorded. */
  trace?: string | undefined;
}

/** Stands for a value that is absent where another one follows. */
const none = "-";

/**
 * A header line, then the body as it is. The header is `1 <checksum> <uid, base64url> <ms> <request id>`, and as far as
 * they are given ` <traceparent> <digest of the idempotency key> <the content's other fields as JSON>`. Only the JSON may hold
 * spaces, so nothing needs escaping on the hot path, and the content can grow without a new format. The checksum is the CRC-32
 * of everything after it, since Redis' append-only file has none: a flipped bit must not be stored as a message. A
 * renumbered message takes its idempotency key along by the digest.
 */
export function encodeRecord(
  uid: Buffer,
  createdMs: number,
  { digest, ...message }: Omit<PendingRecord, "uid" | "createdAt"> & { digest?: string | undefined },
): string {
  const { requestId, trace, body } = message;
  const fields = encodeOtherFields(message);
  let origin = requestId;
  if (fields !== "") origin = `${requestId} ${trace ?? none} ${digest ?? none} ${fields}`;
  else if (digest !== undefined) origin = `${requestId} ${trace ?? none} ${digest}`;
  else if (trace !== undefined) origin = `${requestId} ${trace}`;
  const content = `${uid.toString("base64url")} ${createdMs} ${origin}\n${body}`;
  return `1 ${crc32(content).toString(36)} ${content}`;
}

/** Written by another version of Confab, which knows a format or a field that this one does not. */
export class UnknownRecordFormat extends Error {
  override readonly name = "UnknownRecordFormat";
}

/** Undefined if the record is damaged; throws `UnknownRecordFormat`. */
export function decodeRecord(record: string): PendingRecord | undefined {
  if (!record.startsWith("1 ")) {
    throw new UnknownRecordFormat("A pending record has an unknown format: a newer version of Confab wrote it.");
  }
  const begin = record.indexOf(" ", 2) + 1;
  const content = record.slice(begin);
  if (record.slice(2, begin - 1) !== crc32(content).toString(36)) return undefined;
  const end = content.indexOf("\n");
  const [uid, createdMs, requestId, trace, , ...fields] = content.slice(0, end).split(" ");
  return {
    uid: Buffer.from(uid!, "base64url"),
    createdAt: new Date(Number(createdMs)),
    requestId: requestId!,
    ...(trace !== undefined && trace !== none && { trace }),
    ...contentFrom(content.slice(end + 1), fields.join(" ")),
  };
}

function contentFrom(body: string, fields: string): MessageContent {
  try {
    return decodeContent(body, fields);
  } catch (error) {
    throw new UnknownRecordFormat((error as Error).message, { cause: error });
  }
}
