import { decodeContent } from "@confab/contracts";
import { createBatchId, messageUid, timeOf } from "./batch-id.ts";
import { keyPrefix, type Partitioning } from "./keys.ts";
import { decodeRecord, type PendingRecord } from "./pending-record.ts";
import { guardKeys, type IntakeRedis } from "./scripts.ts";

/** A chat's part of a batch, as accept.lua wrote it; its records begin at `record`. */
type BatchChat = [token: string, chat: number, chatId: string, first: number, count: number, record: number];

export interface AcceptedMessage extends PendingRecord {
  token: string;
  chat: number;
  chatId: bigint;
  number: number;
  /** Which record of its batch it is. */
  record: number;
  /** Redis returned another text than it was given; that text is the body. */
  damaged: boolean;
}

/** A batch as it was accepted, with all its messages. */
export interface AcceptedBatch {
  id: string;
  messages: AcceptedMessage[];
}

export interface ReadLimits {
  maxMessages: number;
  maxBytes: number;
}

export interface OpenBatches {
  /** As many as fit the limits, at least one; those that are complete, or never existed, are left out. */
  batches: AcceptedBatch[];
  /** Those that did not fit. */
  later: string[];
  /** Accepted and not complete, but Redis has lost their messages, by eviction for example. */
  lost: string[];
}

/** A message whose place another message holds: it gets the next number above `lastNumber` in the chat of this id. */
export interface Move {
  batchId: string;
  record: number;
  chatId: bigint;
  lastNumber: number;
}

export interface Completion {
  /** The batches that are committed, or lost. */
  ids: readonly string[];
  moves?: readonly Move[];
  /** Chats that the database does not have any more: whoever writes to them next asks it again. */
  unknownChats?: readonly { token: string; chat: number }[];
}

export interface Completed {
  completed: number;
  /** One per move; undefined where its batch was complete already. */
  moved: (number | undefined)[];
  /** The batch of the moved messages, which needs a wake-up. */
  movedBatchId: string | undefined;
}

export interface Backlog {
  /** Reads open batches, in the order of the ids. A batch is read as a whole or not at all. */
  read(ids: readonly string[], limits: ReadLimits): Promise<OpenBatches>;
  /** Forgets batches, and moves messages, in one step; call it only when the rest is committed. Repeating it is harmless. */
  complete(completion: Completion): Promise<Completed>;
  /** Ids of batches that were accepted before a time, by Redis' clock, and are not complete: oldest first, from a place on. */
  overdue(ageMs: number, page: { offset: number; limit: number }): Promise<string[]>;
  /** True for one caller per interval, whatever the number of workers. */
  claimSweep(intervalMs: number): Promise<boolean>;
  /** How many messages are pending, and how long the oldest batch has waited; undefined where none does. */
  depth(): Promise<{ pending: number; oldestAgeMs: number | undefined }>;
}

export interface BacklogOptions {
  /** A batch's reply is kept this long after completion, for a resend that comes late. */
  replySeconds?: number;
  /** A chat that nobody writes to is loaded from the database again after this time. */
  headSeconds?: number;
}

/** The worker's side of one partition: what was accepted and is to be stored. */
export function createBacklog(
  redis: IntakeRedis,
  partitioning: Partitioning,
  partition: number,
  { replySeconds = 120, headSeconds = 7 * 24 * 3600 }: BacklogOptions = {},
): Backlog {
  const prefix = keyPrefix(partitioning, partition);
  const guards = guardKeys(prefix);

  return {
    async read(ids, { maxMessages, maxBytes }) {
      const open: OpenBatches = { batches: [], later: [], lost: [] };
      if (ids.length === 0) return open;
      const answers = await redis.confabReadBatches(...guards, prefix, maxMessages, maxBytes, ...ids);
      answers.forEach((answer, index) => {
        const id = ids[index]!;
        if (answer === "later") open.later.push(id);
        else if (answer === "lost" || (Array.isArray(answer) && answer.includes(null))) open.lost.push(id);
        else if (Array.isArray(answer)) open.batches.push({ id, messages: messagesOf(id, answer as string[]) });
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
        replySeconds,
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

    async claimSweep(intervalMs) {
      return (await redis.set(`${prefix}sweep`, "1", "PX", intervalMs, "NX")) === "OK";
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

function messagesOf(batchId: string, [chats, ...records]: string[]): AcceptedMessage[] {
  return (JSON.parse(chats!) as BatchChat[]).flatMap(([token, chat, chatId, first, count, firstRecord]) =>
    Array.from({ length: count }, (_, place) => {
      const record = firstRecord + place;
      const found = decodeRecord(records[record - 1]!);
      return {
        ...(found ?? damagedRecord(batchId, record, records[record - 1]!)),
        ...{ token, chat, chatId: BigInt(chatId), number: first + place },
        ...{ record, damaged: found === undefined },
      };
    }),
  );
}

/** What is known of a message whose record is damaged: its batch. No other message has its uid. */
function damagedRecord(batchId: string, record: number, text: string): PendingRecord {
  const id = Buffer.from(batchId, "base64url");
  return {
    uid: messageUid(id, 0xffff - record),
    createdAt: timeOf(id),
    requestId: "",
    ...decodeContent(text, undefined),
  };
}

function toNumber(value: string | number | null | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}
