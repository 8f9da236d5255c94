import type { ChatReference } from "@confab/contracts";
import type { RedisConnection } from "@confab/redis";
import { batchIdOf } from "./batch-id.ts";
import { keyPrefix, nameHash, partitionOf, type Partitioning } from "./keys.ts";
import { decodeRecord, type PendingRecord } from "./pending-record.ts";
import { guardKeys, withScripts } from "./scripts.ts";

/** The numbers of a chat, as Redis knows them. */
export interface ChatHead {
  /** The last number that it assigned. */
  readonly last: number;
  /** The ordinal of the incarnation of Redis that assigns them, and the first number that it assigned; 0 if it is not known. */
  readonly numbering: number;
  readonly since: number;
}

export interface PendingWindow {
  /** Undefined if Redis does not know the chat. */
  readonly head: ChatHead | undefined;
  /** The pending messages among the requested numbers. */
  readonly messages: Map<number, PendingRecord>;
}

export interface PendingMessages {
  /**
   * Reads the pending messages between the smallest and the largest of these numbers, and the chat's last number, at
   * one moment. A long backlog therefore costs a reader nothing. Read Redis first and MySQL second.
   */
  read(chat: ChatReference, numbers: readonly number[]): Promise<PendingWindow>;
  /**
   * Undefined if Redis does not know the chat. Otherwise Redis no longer assigns the numbers up to `stored`, the last one in MySQL,
   * which can be higher than its own: after a loss, workers store what they had read before. Ask MySQL first and Redis second.
   */
  head(chat: ChatReference, stored?: number): Promise<ChatHead | undefined>;
  /**
   * Whether Redis knows the batch with which a message of the chat was accepted. It does until two minutes after the batch was
   * completed, unless it has lost data: then it may have given the message's number to another one.
   */
  knowsBatchOf(chat: ChatReference, message: { readonly uid: Uint8Array }): Promise<boolean>;
}

/** Reads pending messages. */
export function createPendingMessages(connection: RedisConnection, partitioning: Partitioning): PendingMessages {
  const redis = withScripts(connection);
  const read = async ({ token, number: chat }: ChatReference, from: number, to: number): Promise<PendingWindow> => {
    const prefix = keyPrefix(partitioning, partitionOf(partitioning, token, chat));
    const answer = await redis.confabReadPending(...guardKeys(prefix), prefix, token, chat, from, to);
    const [last, numbering, since, ...found] = answer;
    const messages = new Map<number, PendingRecord>();
    const name = nameHash(token, chat);
    for (let at = 0; at < found.length; at += 3) {
      const [number, batchId, record] = found.slice(at, at + 3);
      // A damaged message is left out: it becomes a dead letter. So is one that Redis has lost.
      const message = record ? decodeRecord(String(batchId), name, String(record)) : undefined;
      if (message) messages.set(Number(number), message);
    }
    const isKnown = last !== null && last !== undefined;
    const head = isKnown ? { last: Number(last), numbering: Number(numbering), since: Number(since) } : undefined;
    return { head, messages };
  };
  return {
    read: (chat, numbers) =>
      numbers.length === 0 ? read(chat, 1, 0) : read(chat, Math.min(...numbers), Math.max(...numbers)),
    async head(chat, stored = 0) {
      const { head } = await read(chat, 1, 0);
      if (head === undefined || head.last >= stored) return head;
      const prefix = keyPrefix(partitioning, partitionOf(partitioning, chat.token, chat.number));
      await redis.confabRaiseHead(...guardKeys(prefix), prefix, chat.token, chat.number, stored);
      return { ...head, last: stored };
    },
    async knowsBatchOf({ token, number: chat }, { uid }) {
      const prefix = keyPrefix(partitioning, partitionOf(partitioning, token, chat));
      return (await redis.exists(`${prefix}batch:${batchIdOf(uid).toString("base64url")}`)) === 1;
    },
  };
}
