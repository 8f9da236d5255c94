import { acceptedAt, createBatchId, messageUid, timeOf } from "./batch-id.ts";
import { decodeBatchChats, decodeNumberings, type BatchChat, type ChatNumbering } from "./batch-chats.ts";
import { keyPrefix, type Partitioning } from "./keys.ts";
import { createRecordDecoder, type PendingRecord } from "./pending-record.ts";
import { guardKeys, type IntakeRedis } from "./scripts.ts";

export interface AcceptedMessage extends PendingRecord {
  token: string;
  chat: number;
  chatId: bigint;
  /** The epoch of the application in which it was accepted; undefined in the first one. */
  epoch: number | undefined;
  number: number;
  /** The position of its record in the batch, from 1. */
  record: number;
  /** The checksum does not match: Redis returned a different text from the one it was given. That text is the body. */
  damaged: boolean;
}

/** An accepted batch with all its messages. */
export interface AcceptedBatch {
  id: string;
  /** When its first message was accepted. */
  acceptedAt: Date | undefined;
  messages: AcceptedMessage[];
  /** Beginnings of numberings that the database may not know yet. */
  numberings: ChatNumbering[];
}

export interface ReadLimits {
  maxMessages: number;
  maxBytes: number;
}

export interface OpenBatches {
  /** As many as fit the limits, but at least one. Batches that are complete or never existed are left out. */
  batches: AcceptedBatch[];
  /** A batch that did not fit the limits, and all after it, in whatever state they are. */
  later: string[];
  /** Batches that are accepted and not complete, but whose messages Redis lost, for example by eviction. */
  lost: string[];
}

/**
 * Renumbers a message whose number another message has: it gets the next number above `lastNumber` in the chat with
 * this id.
 */
export interface Move {
  batchId: string;
  record: number;
  chatId: bigint;
  lastNumber: number;
}

export interface Completion {
  /** The batches that are committed or lost. */
  ids: readonly string[];
  moves?: readonly Move[];
  /** Chats that are no longer in the database. The next message to them loads the chat head again. */
  unknownChats?: readonly { token: string; chat: number }[];
}

export interface Completed {
  completed: number;
  /** One number per move. Undefined if the batch of the message was already complete. */
  moved: (number | undefined)[];
  /** The batch of the renumbered messages. It needs a wake-up. */
  movedBatchId: string | undefined;
}

export interface Backlog {
  /** Reads open batches in the order of the ids. A batch is read completely or not at all. */
  read(ids: readonly string[], limits: ReadLimits): Promise<OpenBatches>;
  /**
   * Removes batches and renumbers messages in one step. Call it only after all other messages of the batches are
   * committed. Repeating the call is harmless.
   */
  complete(completion: Completion): Promise<Completed>;
  /** Ids of open batches that are at least this old by Redis' clock, the oldest first. */
  overdue(ageMs: number, page: { offset: number; limit: number }): Promise<string[]>;
  /** Notes that one job, which is named after the first of these batches, stands for all of them. */
  noteWokenTogether(ids: readonly string[]): Promise<void>;
  /** The batches with the one that each one's job is named after: itself, unless `noteWokenTogether` noted another one. */
  wokenWith(ids: readonly string[]): Promise<{ id: string; wokenWith: string }[]>;
  /** The number of pending messages and the age of the oldest open batch. The age is undefined if no batch is open. */
  depth(): Promise<{ pending: number; oldestAgeMs: number | undefined }>;
}

export interface BacklogOptions {
  /** How long the results of a batch are kept after its completion, for a late resend. */
  resultsSeconds?: number;
  /** How long the head of an idle chat is kept. After that the next message loads it from the database again. */
  headSeconds?: number;
}

/** The worker's view of one partition: the batches that are accepted and not yet stored. */
export function createBacklog(
  redis: IntakeRedis,
  partitioning: Partitioning,
  partition: number,
  { resultsSeconds = 120, headSeconds = 7 * 24 * 3600 }: BacklogOptions = {},
): Backlog {
  const prefix = keyPrefix(partitioning, partition);
  const guards = guardKeys(prefix);

  return {
    async read(ids, { maxMessages, maxBytes }) {
      const open: OpenBatches = { batches: [], later: [], lost: [] };
      if (ids.length === 0) return open;
      const answers = await redis.confabReadBatchesBuffer(...guards, prefix, maxMessages, maxBytes, ...ids);
      answers.forEach((answer, index) => {
        const id = ids[index]!;
        if (Array.isArray(answer)) open.batches.push(batchOf(id, ...answer));
        else if (answer.toString() === "later") open.later.push(id);
        else if (answer.toString() === "lost") open.lost.push(id);
      });
      return open;
    },

    async complete({ ids, moves = [], unknownChats = [] }) {
      const newId = createBatchId(Date.now()).toString("base64url");
      const byBatch = Map.groupBy(moves, ({ batchId }) => batchId);
      const inOrder = ids.flatMap((id) => byBatch.get(id) ?? []);
      const args = ids.flatMap((id) => {
        const own = byBatch.get(id) ?? [];
        return [
          id,
          own.length,
          ...own.flatMap(({ record, chatId, lastNumber }) => [record, String(chatId), lastNumber]),
        ];
      });
      const [completed, ...numbers] = await redis.confabComplete(
        ...guards,
        prefix,
        resultsSeconds,
        headSeconds,
        newId,
        unknownChats.length,
        ...unknownChats.flatMap(({ token, chat }) => [token, chat]),
        ...args,
      );
      const moved = moves.map((move) => toNumber(numbers[inOrder.indexOf(move)]));
      return {
        completed: Number(completed),
        moved,
        movedBatchId: moved.some((number) => number !== undefined) ? newId : undefined,
      };
    },

    async overdue(ageMs, { offset, limit }) {
      const [, ...ids] = await redis.confabListBatches(...guards, ageMs, offset, limit);
      return ids.map(String);
    },

    async noteWokenTogether(ids) {
      await redis.confabNoteWokenTogether(...guards, prefix, ...ids);
    },

    async wokenWith(ids) {
      const commands = redis.pipeline();
      for (const id of ids) commands.hget(`${prefix}batch:${id}`, "wokenWith");
      const answers = (await commands.exec()) ?? [];
      return answers.map(([error, first], at) => {
        if (error) throw error;
        const id = ids[at]!;
        return { id, wokenWith: (first as string | null) ?? id };
      });
    },

    async depth() {
      const [pending, [oldest]] = await Promise.all([
        redis.get(`${prefix}pending`),
        redis.confabListBatches(...guards, 0, 0, 0),
      ]);
      return { pending: Number(pending ?? 0), oldestAgeMs: toNumber(oldest) };
    },
  };
}

/** With all fields, also those that may be missing. */
type Complete<T> = { [Field in keyof Required<T>]: T[Field] };

/** A batch as accept.lua wrote it. */
function batchOf(id: string, chats: Buffer, records: Buffer, numberings: Buffer): AcceptedBatch {
  const decoded = decodeBatchChats(chats);
  const messages = messagesOf(id, decoded, records);
  return {
    id,
    acceptedAt: messages[0] && acceptedAt(messages[0].uid),
    messages,
    numberings: decodeNumberings(numberings.toString(), decoded),
  };
}

function messagesOf(batchId: string, chats: readonly BatchChat[], records: Buffer): AcceptedMessage[] {
  const decode = createRecordDecoder(batchId);
  const messages: AcceptedMessage[] = [];
  for (const { token, epoch, chat, chatId: id, first, offset, lengths } of chats) {
    const chatId = BigInt(id);
    let at = offset;
    lengths.forEach((length, index) => {
      const record = messages.length + 1;
      const found = decode(records, at, at + length);
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
    });
  }
  return messages;
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

function toNumber(value: string | number | null | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}
