import { keyPrefix, partitionOf, type Partitioning } from "./keys.ts";
import { decodeRecord, type PendingRecord } from "./pending-record.ts";
import { guardKeys, withScripts, type RedisConnection } from "./scripts.ts";

export interface PendingWindow {
  /** The chat's last given number; undefined where Redis does not know. */
  lastNumber: number | undefined;
  /** Those of the asked numbers that are accepted and not yet stored. */
  messages: Map<number, PendingRecord>;
}

/** A chat as the outside names it. */
export interface ChatName {
  token: string;
  number: number;
}

export interface PendingMessages {
  /**
   * Asks for these numbers and what lies between them, and for the chat's last number as of the same moment, so that a long
   * backlog costs a reader nothing. Ask Redis first, MySQL second.
   */
  read(chat: ChatName, numbers: readonly number[]): Promise<PendingWindow>;
  /** The last number that Redis assigned in the chat; undefined where it does not know. */
  lastNumber(chat: ChatName): Promise<number | undefined>;
}

/** Reads what is accepted but not yet stored. */
export function createPendingMessages(connection: RedisConnection, partitioning: Partitioning): PendingMessages {
  const redis = withScripts(connection);
  const read = async ({ token, number: chat }: ChatName, from: number, to: number): Promise<PendingWindow> => {
    const prefix = keyPrefix(partitioning, partitionOf(partitioning, token, chat));
    const answer = await redis.confabReadPending(...guardKeys(prefix), prefix, token, chat, from, to);
    const [last, ...pairs] = answer;
    const messages = new Map<number, PendingRecord>();
    for (let at = 0; at < pairs.length; at += 2) {
      const record = pairs[at + 1];
      // What is damaged becomes a dead letter.
      const message = typeof record === "string" ? decodeRecord(record) : undefined;
      if (message) messages.set(Number(pairs[at]), message);
    }
    return { lastNumber: last === null || last === undefined ? undefined : Number(last), messages };
  };
  return {
    read: (chat, numbers) =>
      numbers.length === 0 ? read(chat, 1, 0) : read(chat, Math.min(...numbers), Math.max(...numbers)),
    lastNumber: async (chat) => (await read(chat, 1, 0)).lastNumber,
  };
}
