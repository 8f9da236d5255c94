import { crc32 } from "node:zlib";
import { messageUid, timeOf } from "./batch-id.ts";
import { storedKeyIn, type StoredKey } from "./idempotency.ts";
import { decodeContent, encodeOtherFields, type DecodedContent, type MessageContent } from "@confab/contracts";

/** A pending message as stored in Redis. */
export interface PendingRecord extends MessageContent {
  /** 16 bytes: the id of the batch in which the message was first sent, and its position in that batch. */
  readonly uid: Buffer;
  /** The time at which that batch was sent or, for an imported message, the time of the original message. */
  readonly createdAt: Date;
  readonly requestId: string;
  /** The body in UTF-8, as stored in Redis. */
  readonly bodyBytes: Buffer;
  /** The request's span as a W3C traceparent, if the request is sampled. */
  readonly trace?: string | undefined;
  /** The idempotency key to store with the message. */
  readonly key?: StoredKey | undefined;
  /**
   * Names of fields that this version does not know, because a newer version of Confab accepted the message. The
   * content lacks them.
   */
  readonly unknownFields?: readonly string[] | undefined;
}

/** Stands for a missing value in a header if another value follows. */
const none = "-";

/**
 * Returns a function that encodes messages of a batch, each as a header line followed by the unchanged body. The header
 * is `1 <checksum> <position> <request id>`, optionally followed by ` <traceparent> <idempotency key> <milliseconds>
 * <the content's other fields as JSON>`. The milliseconds are the time of an imported message, and are left out for
 * others. Only the JSON may contain spaces, so nothing needs escaping on the hot path, and new fields need no new
 * format. The key, in the form of keyInRecord, is stored with the message, and stays valid when the message is
 * renumbered.
 *
 * The position counts all messages of the batch that was sent, including refused ones. If a late resend has other
 * messages accepted, the uids therefore stay the same. When a renumbered message moves to another batch, complete.lua
 * puts the id of its first batch before the position: `<batch id>/<position>`. Its uid and its time therefore stay the
 * same, however often the message moves or its batch is delivered.
 *
 * The checksum is the CRC-32 of everything after it, always including the batch id, XOR the hash of the chat's name. It
 * is in decimal, which V8 writes far faster than a number with fewer digits. Redis' append-only file has no checksum. A
 * message with a flipped bit must not be stored, and a flipped bit in the name, which is in the batch's chat list, must
 * not move a message into another chat.
 *
 * Later formats begin with a higher digit, and their checksum also covers that digit. Otherwise a flipped bit in the
 * first byte would look like a newer version of Confab, and the batch would wait for that version forever.
 */
export function createRecordEncoder(batchId: string): RecordEncoder {
  const before = checksumOf(batchId);
  return (name, position, message, key) => {
    const { requestId, trace, body, createdAt } = message;
    const otherFields = encodeOtherFields(message);
    const fields = createdAt === undefined ? otherFields : `${createdAt.getTime()} ${otherFields}`;
    let origin = requestId;
    if (fields !== "") origin = `${requestId} ${trace ?? none} ${key ?? none} ${fields}`;
    else if (key !== undefined) origin = `${requestId} ${trace ?? none} ${key}`;
    else if (trace !== undefined) origin = `${requestId} ${trace}`;
    const content = `${position} ${origin}\n${body}`;
    return `1 ${(crc32(content, before) ^ name) >>> 0} ${content}`;
  };
}

/** Encodes a message of the chat that has the given `nameHash`. */
export type RecordEncoder = (
  name: number,
  position: number,
  message: MessageContent & Pick<PendingRecord, "requestId" | "trace"> & { createdAt?: Date | undefined },
  key?: string,
) => string;

function checksumOf(batchId: string): number {
  return crc32(`${batchId}/`);
}

/** Returns the initial value of the checksum in a later format. */
function newerChecksumOf(format: number, batchId: string): number {
  return crc32(`${String.fromCharCode(format)} ${batchId}/`);
}

/** A newer version of Confab wrote the record, in a format or with a field that this version does not know. */
export class UnknownRecordFormat extends Error {
  override readonly name = "UnknownRecordFormat";
}

const space = 0x20;
const newline = 0x0a;
const slash = 0x2f;
const zero = 0x30;
const version = 0x31;
const nine = 0x39;

/** Decodes the record between two offsets. It belongs to the chat that has the given `nameHash`. */
export type RecordDecoder = (name: number, bytes: Buffer, from: number, to: number) => PendingRecord | undefined;

/**
 * Returns a function that decodes the records of a batch. The function returns undefined if a record is damaged, and
 * throws `UnknownRecordFormat` if it does not know the record's format. If a record has unknown fields, the decoded
 * content lacks them.
 */
export function createRecordDecoder(batchId: string): RecordDecoder {
  const ownBatch = Buffer.from(batchId, "base64url");
  const ownTime = timeOf(ownBatch);
  const before = checksumOf(batchId);
  return (name, bytes, from, to) => {
    const format = bytes[from] ?? 0;
    if (format < version || format > nine || bytes[from + 1] !== space) return undefined;
    let at = from + 2;
    let sum = 0;
    for (; at < to && bytes[at] !== space; at++) sum = 10 * sum + bytes[at]! - zero;
    const begin = ++at;
    if (format !== version) {
      if (sum !== (crc32(bytes.subarray(begin, to), newerChecksumOf(format, batchId)) ^ name) >>> 0) return undefined;
      throw new UnknownRecordFormat("A pending record has an unknown format: a newer version of Confab wrote it.");
    }
    let batchEnd = 0;
    let position = 0;
    for (; at < to && bytes[at] !== space; at++) {
      if (bytes[at] === slash) [batchEnd, position] = [at, 0];
      else position = 10 * position + bytes[at]! - zero;
    }
    const hasMoved = batchEnd > 0;
    if (sum !== (crc32(bytes.subarray(begin, to), hasMoved ? 0 : before) ^ name) >>> 0) return undefined;
    const end = bytes.indexOf(newline, at);
    const header = bytes.toString("utf8", at + 1, end);
    const bodyBytes = bytes.subarray(end + 1, to);
    const body = bodyBytes.toString();
    const batch = hasMoved ? Buffer.from(bytes.toString("latin1", begin, batchEnd), "base64url") : ownBatch;
    const uid = messageUid(batch, position);
    const acceptedAt = hasMoved ? timeOf(batch) : ownTime;
    // Most headers contain nothing else.
    if (!header.includes(" ")) return { uid, createdAt: acceptedAt, requestId: header, bodyBytes, body };
    const [requestId, trace, keyText, ...fields] = header.split(" ");
    const key = keyText === undefined ? undefined : storedKeyIn(keyText, acceptedAt.getTime());
    const original = /^\d+$/.test(fields[0] ?? "") ? new Date(Number(fields.shift())) : undefined;
    return {
      uid,
      createdAt: original ?? acceptedAt,
      requestId: requestId!,
      bodyBytes,
      ...(trace !== undefined && trace !== none && { trace }),
      ...(key && { key }),
      ...contentFrom(decodeContent(body, fields.join(" "))),
    };
  };
}

/** Decodes a single record of a batch. */
export function decodeRecord(batchId: string, name: number, record: string): PendingRecord | undefined {
  const bytes = Buffer.from(record);
  return createRecordDecoder(batchId)(name, bytes, 0, bytes.length);
}

function contentFrom({
  content,
  unknownFields,
}: DecodedContent): Pick<PendingRecord, keyof MessageContent | "unknownFields"> {
  return unknownFields.length === 0 ? content : { ...content, unknownFields };
}
