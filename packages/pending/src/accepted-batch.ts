import {
  decodeBatchChats,
  decodeNumberings,
  encodeBatchChats,
  type BatchChat,
  type ChatNumbering,
} from "./batch-chats.ts";
import { acceptedAt, messageUid, timeOf } from "./batch-id.ts";
import { nameHash } from "./keys.ts";
import { repairChats } from "./repair-chats.ts";
import { createRecordDecoder, UnknownRecordFormat, type PendingRecord, type RecordDecoder } from "./pending-record.ts";

export interface AcceptedMessage extends Omit<PendingRecord, "unknownFields"> {
  readonly token: string;
  readonly chat: number;
  readonly chatId: bigint;
  /** The epoch of the application in which it was accepted; undefined in the first one. */
  readonly epoch: number | undefined;
  readonly number: number;
  /** The position of its record in the batch, from 1. */
  readonly record: number;
  /** The checksum does not match: Redis returned a different text from the one it was given. That text is the body. */
  readonly damaged: boolean;
}

/** An accepted batch with all its messages. */
export interface AcceptedBatch {
  readonly id: string;
  /** When its first message was accepted. */
  readonly acceptedAt: Date | undefined;
  readonly messages: AcceptedMessage[];
  /** Beginnings of numberings that the database may not know yet. */
  readonly numberings: ChatNumbering[];
}

/** A batch whose messages are lost, with the chats and numbers of those that are known. */
export interface LostBatch {
  readonly id: string;
  readonly messages: Pick<AcceptedMessage, "token" | "chat" | "chatId" | "number">[];
  readonly numberings: ChatNumbering[];
}

/** With all fields, also those that may be missing. */
type Complete<T> = { [Field in keyof Required<T>]: T[Field] };

/**
 * Decodes a batch as the accept script wrote it. Its index is returned if it was damaged and is another one now. Throws
 * `UnknownRecordFormat` if a newer version of Confab accepted one of its messages.
 */
export function decodeBatch(
  id: string,
  index: Buffer,
  records: Buffer,
  numberings: Buffer,
): { batch: AcceptedBatch; repaired: Buffer | undefined } {
  const decode = createRecordDecoder(id);
  const found = decodeBatchChats(index);
  const read = found && messagesOf(id, found, records, decode);
  if (read?.isPlausible) return { batch: batchOf(id, read.messages, found!, numberings), repaired: undefined };
  const chats = repairChats(index, (chat) => isIntact(chat, records, decode));
  const repaired = encodeBatchChats(chats);
  const before = found ? encodeBatchChats(found) : index;
  return {
    batch: batchOf(id, messagesOf(id, chats, records, decode).messages, chats, numberings),
    repaired: repaired.equals(before) ? undefined : repaired,
  };
}

/** Decodes what is left of a batch without its records. */
export function decodeLost(id: string, index: Buffer, numberings: Buffer): LostBatch {
  const chats = decodeBatchChats(index) ?? [];
  const messages = chats.flatMap(({ token, chat, chatId, first, lengths }) =>
    lengths.map((_, at) => ({ token, chat, chatId, number: first + at })),
  );
  return { id, messages, numberings: decodeNumberings(numberings, chats) };
}

function batchOf(id: string, messages: AcceptedMessage[], chats: readonly BatchChat[], numberings: Buffer) {
  return {
    id,
    acceptedAt: messages[0] && acceptedAt(messages[0].uid),
    messages,
    numberings: decodeNumberings(numberings, chats),
  };
}

function isIntact({ token, chat, offset, lengths }: BatchChat, records: Buffer, decode: RecordDecoder): boolean {
  const name = nameHash(token, chat);
  let at = offset;
  return lengths.every((length) => decode(name, records, at, (at += length)) !== undefined && at <= records.length);
}

/**
 * Decodes the messages of all chats, and keeps what no chat claims as damaged messages. It is plausible that the chats are right if they
 * claim all records, and each has one that is not damaged.
 */
function messagesOf(
  batchId: string,
  chats: readonly BatchChat[],
  records: Buffer,
  decode: RecordDecoder,
): { messages: AcceptedMessage[]; isPlausible: boolean } {
  const messages: AcceptedMessage[] = [];
  const unclaimed: [from: number, to: number][] = [];
  let end = 0;
  let isPlausible = true;
  for (const { token, epoch, chat, chatId, first, offset, lengths } of chats) {
    const name = nameHash(token, chat);
    let at = offset;
    let hasIntact = false;
    if (offset > end) unclaimed.push([end, offset]);
    for (let index = 0; index < lengths.length; index++) {
      const length = lengths[index]!;
      const record = messages.length + 1;
      const found = decode(name, records, at, at + length);
      if (found !== undefined) hasIntact = true;
      if (found?.unknownFields !== undefined) {
        throw new UnknownRecordFormat(`A message has the fields ${found.unknownFields.join(", ")} of a newer version.`);
      }
      const { uid, createdAt, requestId, trace, key, body, bodyBytes, sender, metadata, reply_to } =
        found ?? damagedRecord(batchId, record, records.subarray(at, at + length));
      // A literal with all fields: copies of an object take longer to make and to read.
      const message: Complete<AcceptedMessage> = {
        uid,
        createdAt,
        requestId,
        trace,
        key,
        body,
        bodyBytes,
        sender,
        metadata,
        reply_to,
        token,
        chat,
        chatId,
        epoch,
        record,
        number: first + index,
        damaged: found === undefined,
      };
      messages.push(message);
      at += length;
    }
    if (offset !== end || !hasIntact) isPlausible = false;
    end = Math.max(end, at);
  }
  if (end < records.length) unclaimed.push([end, records.length]);
  if (unclaimed.length > 0 || end > records.length) isPlausible = false;
  for (const [from, to] of unclaimed)
    messages.push(unclaimedMessage(batchId, messages.length + 1, records.subarray(from, to)));
  return { messages, isPlausible };
}

/** Stands for records of unknown chats and numbers. */
function unclaimedMessage(batchId: string, record: number, bytes: Buffer): AcceptedMessage {
  const place = { token: "", chat: 0, chatId: 0n, epoch: undefined, number: 0 };
  return { ...damagedRecord(batchId, record, bytes), ...place, record, damaged: true };
}

/** Describes a message with a damaged record by its batch, the only thing that is known of it. Its uid is unique. */
function damagedRecord(batchId: string, record: number, bytes: Buffer): PendingRecord {
  const id = Buffer.from(batchId, "base64url");
  return {
    uid: messageUid(id, 0xffff - record),
    createdAt: timeOf(id),
    requestId: "",
    bodyBytes: bytes,
    body: bytes.toString(),
  };
}
