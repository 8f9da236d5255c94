import { keyPrefix, partitionOf, type Partitioning } from "./keys.ts";
import { decodeRecord, type PendingRecord } from "./record.ts";
import type { RedisConnection } from "./scripts.ts";

export interface PendingWindow {
  /** The chat's last given number; undefined where Redis does not know. */
  lastNumber: number | undefined;
  /** Those of the asked numbers that are accepted and not yet stored. */
  messages: Map<number, PendingRecord>;
}

export interface PendingMessages {
  /** Asks for exactly these numbers, so that a long backlog costs a reader nothing. Ask Redis first, MySQL second. */
  read(chat: { token: string; number: number; id: bigint }, numbers: readonly number[]): Promise<PendingWindow>;
  /** The last number that Redis gave out in the chat; undefined where it does not know. */
  lastNumber(chat: { token: string; number: number; id: bigint }): Promise<number | undefined>;
}

/** Reads what is accepted but not yet stored. */
export function createPendingMessages(redis: RedisConnection, partitioning: Partitioning): PendingMessages {
  const keysOf = ({
    token,
    number,
    id,
  }: {
    token: string;
    number: number;
    id: bigint;
  }): { head: string; pending: string } => {
    const prefix = keyPrefix(partitioning, partitionOf(partitioning, token, number));
    return { head: `${prefix}head:${token}:${number}`, pending: `${prefix}pending:${id}` };
  };
  // A head that is gone says nothing of records that are still there: after a long outage of the database, say.
  const lastOf = async (head: string | null, pendingKey: string): Promise<number | undefined> => {
    if (head !== null) return Number(head);
    const numbers = await redis.hkeys(pendingKey);
    return numbers.length > 0 ? numbers.reduce((last, number) => Math.max(last, Number(number)), 0) : undefined;
  };
  return {
    async read(chat, numbers) {
      const { head, pending } = keysOf(chat);
      const [last, records] = await Promise.all([
        redis.hget(head, "last"),
        numbers.length > 0 ? redis.hmget(pending, ...numbers.map(String)) : [],
      ]);
      const messages = new Map<number, PendingRecord>();
      records.forEach((record, index) => {
        if (record !== null) messages.set(numbers[index]!, decodeRecord(record));
      });
      return { lastNumber: await lastOf(last, pending), messages };
    },
    async lastNumber(chat) {
      const { head, pending } = keysOf(chat);
      return lastOf(await redis.hget(head, "last"), pending);
    },
  };
}
