import { decodeBatch, decodeLost, type AcceptedBatch, type LostBatch } from "./accepted-batch.ts";
import { acceptedAt, createBatchId } from "./batch-id.ts";
import { keyPrefix, type Partitioning } from "./keys.ts";
import { UnknownRecordFormat } from "./pending-record.ts";
import { guardKeys, type ScriptedRedis } from "./scripts.ts";

export interface ReadLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

export interface OpenBatches {
  /** As many as fit the limits, but at least one. Batches that are complete or never existed are left out. */
  readonly batches: AcceptedBatch[];
  /** A batch that did not fit the limits, and all after it, in whatever state they are. */
  readonly later: string[];
  /** Batches that are accepted and not complete, but whose messages Redis lost, for example by eviction. */
  readonly lost: LostBatch[];
  /** Batches whose index was damaged and is repaired, as far as that was possible. */
  readonly repaired: string[];
  /** Batches with messages that a newer version of Confab accepted. Only a worker of that version can store them. */
  readonly newer: string[];
}

/** Replaces the damaged index of a batch, unless the batch is complete. */
const replaceIndex = `
if redis.call('HGET', KEYS[1], 'chats') == ARGV[1] then redis.call('HSET', KEYS[1], 'chats', ARGV[2]) end`;

/**
 * Renumbers a message whose number another message has: it gets the next number above `lastNumber` in the chat with
 * this id.
 */
export interface Move {
  readonly batchId: string;
  readonly record: number;
  readonly chatId: bigint;
  readonly lastNumber: number;
}

/** A message that is not stored, since it repeats one that is stored. */
export interface Repetition {
  readonly batchId: string;
  readonly record: number;
  readonly original: { number: number; uid: Uint8Array };
}

export interface Completion {
  /** The batches that are committed or lost. */
  readonly ids: readonly string[];
  readonly moves?: readonly Move[];
  /** From now on their idempotency keys name the messages that they repeat. */
  readonly repetitions?: readonly Repetition[];
  /** Chats that are no longer in the database. The next message to them loads the chat head again. */
  readonly unknownChats?: readonly { token: string; chat: number }[];
}

export interface Completed {
  readonly completed: number;
  /** One number per move. Undefined if the batch of the message was already complete. */
  readonly moved: (number | undefined)[];
  /** The batches that Redis lost after they were read. */
  readonly missing: readonly string[];
  /** The batch of the renumbered messages. It needs a wake-up. */
  readonly movedBatchId: string | undefined;
}

export interface Backlog {
  /** Reads open batches in the order of the ids. A batch is read completely or not at all. */
  read(ids: readonly string[], limits: ReadLimits): Promise<OpenBatches>;
  /**
   * Removes batches and renumbers messages in one step. Call it only after all other messages of the batches are
   * committed. Repeating the call is harmless.
   */
  complete(completion: Completion): Promise<Completed>;
  /** The batches that Redis has lost, as in `missing`. */
  missingAmong(ids: readonly string[]): Promise<string[]>;
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
  readonly resultsSeconds?: number;
  /** How long the head of an idle chat is kept. After that the next message loads it from the database again. */
  readonly headSeconds?: number;
}

/** Creates the worker's view of one partition: the batches that are accepted and not yet stored. */
export function createBacklog(
  redis: ScriptedRedis,
  partitioning: Partitioning,
  partition: number,
  { resultsSeconds = 120, headSeconds = 7 * 24 * 3600 }: BacklogOptions = {},
): Backlog {
  const prefix = keyPrefix(partitioning, partition);
  const guards = guardKeys(prefix);

  return {
    async read(ids, { maxMessages, maxBytes }) {
      const open: OpenBatches = { batches: [], later: [], lost: [], repaired: [], newer: [] };
      if (ids.length === 0) return open;
      const answers = await redis.confabReadBatchesBuffer(...guards, prefix, maxMessages, maxBytes, ...ids);
      for (const [at, answer] of answers.entries()) {
        const id = ids[at]!;
        if (Array.isArray(answer) && answer[1].length === 0) open.lost.push(decodeLost(id, answer[0], answer[2]));
        else if (Array.isArray(answer)) {
          const decoded = unlessNewer(() => decodeBatch(id, ...answer));
          if (!decoded) {
            open.newer.push(id);
            continue;
          }
          const { batch, repaired } = decoded;
          open.batches.push(batch);
          if (repaired === undefined) continue;
          // complete.lua reads it, too.
          await redis.eval(replaceIndex, 1, `${prefix}batch:${id}`, answer[0], repaired);
          open.repaired.push(id);
        } else if (answer.toString() === "later") open.later.push(id);
      }
      return open;
    },

    async complete({ ids, moves = [], repetitions = [], unknownChats = [] }) {
      const newId = createBatchId(Date.now()).toString("base64url");
      const byBatch = Map.groupBy(moves, ({ batchId }) => batchId);
      const repeatedBy = Map.groupBy(repetitions, ({ batchId }) => batchId);
      const inOrder = ids.flatMap((id) => byBatch.get(id) ?? []);
      const args = ids.flatMap((id) => {
        const own = byBatch.get(id) ?? [];
        const repeated = repeatedBy.get(id) ?? [];
        return [
          id,
          own.length,
          ...own.flatMap(({ record, chatId, lastNumber }) => [record, String(chatId), lastNumber]),
          repeated.length,
          ...repeated.flatMap(({ record, original: { number, uid } }) => [record, number, acceptedAt(uid).getTime()]),
        ];
      });
      const [completed, missing, ...numbers] = await redis.confabComplete(
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
        completed,
        missing,
        moved,
        movedBatchId: moved.some((number) => number !== undefined) ? newId : undefined,
      };
    },

    async missingAmong(ids) {
      const commands = redis.pipeline();
      for (const id of ids) commands.exists(`${prefix}batch:${id}`);
      const answers = (await commands.exec()) ?? [];
      return ids.filter((_, at) => {
        const [error, exists] = answers[at]!;
        if (error) throw error;
        return exists === 0;
      });
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

/** Returns undefined if a newer version of Confab accepted what `decode` reads. */
function unlessNewer<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof UnknownRecordFormat) return undefined;
    throw error;
  }
}

function toNumber(value: string | number | null | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}
