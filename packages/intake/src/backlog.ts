import { encodeBatch } from "./accept-batch.ts";
import { createBatchId, renumberingBatchId } from "./batch-id.ts";
import { keyPrefix, type Partitioning } from "./keys.ts";
import { decodeRecord, encodeRecord, type PendingRecord } from "./record.ts";
import type { IntakeRedis } from "./scripts.ts";

/** A chat's part of a batch, as accept.lua wrote it. */
type BatchChat = [token: string, chat: number, chatId: string, first: number, count: number];

export interface AcceptedMessage extends PendingRecord {
  token: string;
  chat: number;
  chatId: bigint;
  number: number;
}

/** A batch as it was accepted; what is stored already is missing from `messages`. */
export interface AcceptedBatch {
  id: string;
  messages: AcceptedMessage[];
}

/** A message's place, stored or refused for good: its pending record can go. */
export type DoneMessage = Pick<AcceptedMessage, "token" | "chat" | "chatId" | "number">;

export interface Backlog {
  /** The batches that exist, in the order of the ids; the others were completed long ago or never accepted anything. */
  read(ids: readonly string[]): Promise<AcceptedBatch[]>;
  /** Forgets batches and their messages; call it only when they are committed to the database. Repeating it is harmless. */
  complete(ids: readonly string[], messages: readonly DoneMessage[]): Promise<number>;
  /** Ids of batches that were accepted before a time and are not completed, oldest first. */
  overdue(before: Date, limit: number): Promise<string[]>;
  /** Gives a message whose number turned out to be taken a new one, above `lastNumber`; its batch still needs a wake-up. */
  renumber(message: AcceptedMessage, lastNumber: number): Promise<{ number: number; batchId: string }>;
  /** How many messages are pending, and when the oldest batch was accepted. */
  depth(): Promise<{ pending: number; oldest: Date | undefined }>;
}

/** A batch's reply is kept this long after completion, for a resend that comes late. */
const replySeconds = 600;
/** A chat that nobody writes to is learned from the database again. */
const headSeconds = 7 * 24 * 3600;

const unlimited = { maxPending: 0, applicationRate: 0, applicationBurst: 0, idempotencySeconds: 1 };

/** The worker's side of one partition: what was accepted and is to be stored. */
export function createBacklog(redis: IntakeRedis, partitioning: Partitioning, partition: number): Backlog {
  const prefix = keyPrefix(partitioning, partition);

  return {
    async read(ids) {
      const lists = await redis.pipeline(ids.map((id) => ["hget", `${prefix}batch:${id}`, "chats"])).exec();
      const batches = ids.flatMap((id, index) => {
        const chats = valueOf(lists, index) as string | null;
        return chats === null ? [] : [{ id, chats: JSON.parse(chats) as BatchChat[] }];
      });
      const wanted = batches.flatMap(({ chats }) => chats);
      if (wanted.length === 0) return batches.map(({ id }) => ({ id, messages: [] }));
      const found = await redis
        .pipeline(
          wanted.map(([, , chatId, first, count]) => [
            "hmget",
            `${prefix}pending:${chatId}`,
            ...numbersFrom(first, count),
          ]),
        )
        .exec();
      let at = 0;
      return batches.map(({ id, chats }) => ({
        id,
        messages: chats.flatMap(([token, chat, chatId, first]) =>
          (valueOf(found, at++) as (string | null)[]).flatMap((record, offset) =>
            record === null
              ? []
              : [{ ...decodeRecord(record), token, chat, chatId: BigInt(chatId), number: first + offset }],
          ),
        ),
      }));
    },

    async complete(ids, messages) {
      const chats = Map.groupBy(messages, ({ chatId }) => chatId);
      const args: (string | number)[] = [prefix, replySeconds, headSeconds, ids.length, ...ids, chats.size];
      for (const [chatId, members] of chats) {
        const { token, chat } = members[0]!;
        const numbers = members.map(({ number }) => number);
        args.push(token, chat, String(chatId), Math.max(...numbers), numbers.length, ...numbers);
      }
      return Number(await redis.confabComplete(`${prefix}batches`, ...args));
    },

    overdue: (before, limit) =>
      redis.zrangebyscore(`${prefix}batches`, "-inf", String(before.getTime()), "LIMIT", 0, limit),

    async renumber(message, lastNumber) {
      const { token, chat, chatId, body, requestId } = message;
      const incarnation = await currentIncarnation(redis, prefix);
      const batchId = renumberingBatchId(message.uid);
      const createdMs = message.createdAt.getTime();
      const learned = { id: String(chatId), lastNumber, incarnation };
      const record = encodeRecord(message.uid, createdMs, message);
      const batch = encodeBatch(
        prefix,
        batchId,
        [{ token, chat, body, requestId, learned, record }],
        unlimited,
        createdMs,
      );
      const [answer] = batch.parse(String(await redis.confabAccept(`${prefix}batch:${batch.id}`, ...batch.args)));
      if (typeof answer?.result !== "number") throw new Error(`Redis did not renumber message ${message.number}`);
      return { number: answer.result, batchId: batch.id };
    },

    async depth() {
      const [pending, oldest] = await Promise.all([
        redis.get(`${prefix}pending`),
        redis.zrange(`${prefix}batches`, "0", "0", "WITHSCORES"),
      ]);
      return {
        pending: Number(pending ?? 0),
        oldest: oldest[1] === undefined ? undefined : new Date(Number(oldest[1])),
      };
    },
  };
}

/** What heads are checked against now, as accept.lua itself says to a batch of nothing: on a cluster only it knows its node. */
async function currentIncarnation(redis: IntakeRedis, prefix: string): Promise<string> {
  const batch = encodeBatch(prefix, createBatchId(Date.now()), [], unlimited, Date.now());
  const reply = JSON.parse(String(await redis.confabAccept(`${prefix}batch:${batch.id}`, ...batch.args))) as {
    incarnation: string;
  };
  return reply.incarnation;
}

function numbersFrom(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, offset) => String(first + offset));
}

function valueOf(replies: [Error | null, unknown][] | null, index: number): unknown {
  const reply = replies?.[index];
  if (!reply) throw new Error("the pipeline was discarded");
  if (reply[0]) throw reply[0];
  return reply[1];
}
