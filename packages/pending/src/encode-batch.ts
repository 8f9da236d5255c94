import type { MessageContent } from "@confab/contracts";
import { digestKey, digestUser, keyInRecord, type Idempotency, type KeyDigest } from "./idempotency.ts";
import { nameHash } from "./keys.ts";
import { createRecordEncoder } from "./pending-record.ts";

/** A chat's id and last number and its application's epoch in MySQL, and the incarnation of Redis at the time of the query with its ordinal. */
export interface LoadedHead {
  readonly id: string;
  readonly lastNumber: number;
  readonly epoch: number;
  readonly incarnation: string;
  readonly numbering: number;
}

/** A valid message that is not accepted yet. */
export interface Submission extends MessageContent {
  readonly token: string;
  readonly chat: number;
  readonly requestId: string;
  /** The request's span as a W3C traceparent, if the request is sampled. */
  readonly trace?: string | undefined;
  readonly idempotency?: Idempotency | undefined;
  /** The user whose token was sent. */
  readonly user?: string | undefined;
  /** When the message was sent originally, if it is imported. */
  readonly createdAt?: Date | undefined;
}

export interface BatchEntry extends Submission {
  readonly loaded?: LoadedHead | undefined;
  /** MySQL does not have the item's key, and was asked after this reply. */
  readonly memory?: KeyMemory | undefined;
  /** Whether it must not be accepted before the entry in front of it, which has the same chat. */
  readonly follows?: boolean;
}

/** Redis' clock, and the time before which every accepted batch is in MySQL, both in milliseconds. */
export interface KeyMemory {
  readonly clock: number;
  readonly stored: number;
}

export interface AcceptLimits {
  /** Maximum number of pending messages per partition. Beyond it every message is refused. 0: no limit. */
  readonly maxPending: number;
  /** Messages per second, and messages in a burst, per application and partition. A rate of 0 means no limit. */
  readonly applicationMessageRate: number;
  readonly applicationMessageBurst: number;
  /** How long an idempotency key is kept: at least this long, at most 1.5 times as long. */
  readonly idempotencySeconds: number;
  /** Maximum number of idempotency keys without a time per application and partition in that time. 0: no limit. */
  readonly maxIdempotencyKeys: number;
  /** The part of the limits of messages and keys that one user may use. */
  readonly userShare: number;
  /** For how long Redis keeps a key that the worker stores in MySQL. */
  readonly rememberMs?: number;
}

/** Longer than a batch is pending, unless MySQL or the workers are behind. */
const defaultRememberMs = 300_000;

/** A new number, the first answer to the same idempotency key, or the reason why the message was refused. */
export type AcceptResult =
  | number
  | { number: number; at: number }
  | (
      | "conflict"
      | "unknown"
      | "overloaded"
      | "limited"
      | "keys"
      | "user-limited"
      | "user-keys"
      | "stale"
      | "open"
      | "reply"
    );

/** The reply of the accept script. */
interface AcceptReply {
  readonly incarnation: string;
  readonly pending: number;
  readonly limits?: [remaining: number, resetMs: number, waitMs: number][];
  readonly keys?: Record<string, [used: number, waitMs: number]>;
  readonly users?: Record<`user-${"quota" | "keys"}:${string}`, [remaining: number, resetMs: number, waitMs: number]>;
  readonly memory?: KeyMemory;
  readonly results: AcceptResult[];
}

export interface Quota {
  readonly remaining: number;
  readonly resetMs: number;
  readonly waitMs: number;
  readonly ofUser: boolean;
}

export interface EntryResult {
  readonly result: AcceptResult;
  /** When the batch was created. */
  readonly createdAt: Date;
  readonly incarnation: string;
  readonly pending: number;
  /** The rest of the application's quota, or of its user's share if less is left of that. Undefined if there is no quota. */
  readonly limit: Quota | undefined;
  /** The used part of the application's limited idempotency keys. Undefined if the chat's messages have none. */
  readonly keys: { used: number; waitMs: number } | undefined;
  /** The time until its user may use another limited key. */
  readonly userKeysWaitMs: number | undefined;
  readonly memory: KeyMemory | undefined;
}

export interface EncodedBatch {
  readonly id: string;
  readonly args: (string | number)[];
  /** Turns the script's reply into one result per entry, in the order of the entries. */
  parse(reply: string): EntryResult[];
}

/**
 * Encodes a batch for the accept script: one group per chat, with the entries of a chat in their order of arrival. `now` is the
 * time of the batch id, in milliseconds.
 */
export function encodeBatch(
  prefix: string,
  batchId: Buffer,
  entries: readonly BatchEntry[],
  limits: AcceptLimits,
  now: number,
): EncodedBatch {
  const id = batchId.toString("base64url");
  const groups = new Map<string, number[]>();
  entries.forEach(({ token, chat }, position) => {
    const key = `${token}:${chat}`;
    const positions = groups.get(key);
    if (positions) positions.push(position);
    else groups.set(key, [position]);
  });
  // In the order of the script's results. Without a user token the script has nothing to do for users.
  const users = entries.some(({ user }) => user !== undefined)
    ? [...groups.values()].flat().map((position) => digestUser(entries[position]!))
    : [];
  const encode = createRecordEncoder(id);
  const records: string[] = [];
  const groupArgs: (string | number)[] = [];
  for (const positions of groups.values()) {
    const members = positions.map((position) => entries[position]!);
    const { token, chat } = members[0]!;
    const name = nameHash(token, chat);
    const loaded = members.find((entry) => entry.loaded)?.loaded;
    const hasReplies = members.some(({ reply_to }) => reply_to);
    const hasKeys = members.some(({ idempotency }) => idempotency);
    const keys = hasKeys ? members.map(({ idempotency }) => idempotency && digestKey(token, chat, idempotency)) : [];
    const lengths = members.map((entry, index) => {
      const key = keys[index];
      const record = encode(name, positions[index]!, entry, key && keyInRecord(key));
      records.push(record);
      return Buffer.byteLength(record);
    });
    groupArgs.push(
      token,
      chat,
      loaded ? `${loaded.id} ${loaded.lastNumber} ${loaded.incarnation} ${loaded.numbering} ${loaded.epoch}` : "",
      hasReplies ? members.map(({ reply_to }) => reply_to ?? 0).join(" ") : "",
      keys.map((key, index) => keyArgument(key, members[index]!)).join(" "),
      lengths.join(","),
    );
  }
  const args = [
    prefix,
    id,
    now,
    limits.maxPending,
    limits.applicationMessageRate,
    limits.applicationMessageBurst,
    1000 * limits.idempotencySeconds,
    Math.min(1000 * limits.idempotencySeconds, limits.rememberMs ?? defaultRememberMs),
    limits.maxIdempotencyKeys,
    records.join(""),
    users.length === 0 ? "" : [limits.userShare, ...users].join(" "),
    ...groupArgs,
  ];
  return { id, args, parse: (reply) => parseReply(reply, [...groups.values()], users, now) };
}

function keyArgument(key: KeyDigest | undefined, { follows, memory }: BatchEntry): string {
  const own = key ? `${key.digest} ${key.request} ${key.time}` : "- - 0";
  return `${follows ? "&" : ""}${own}${memory ? `/${memory.clock}/${memory.stored}` : ""}`;
}

function parseReply(reply: string, groups: number[][], users: readonly string[], createdMs: number): EntryResult[] {
  const {
    incarnation,
    pending,
    limits,
    keys: ofGroups,
    users: ofUsers,
    memory,
    results,
  } = JSON.parse(reply) as AcceptReply;
  const answers = new Array<EntryResult>(results.length);
  const createdAt = new Date(createdMs);
  let at = 0;
  groups.forEach((positions, group) => {
    const rest = limits?.[group];
    const ofApplication = rest && { remaining: rest[0], resetMs: rest[1], waitMs: rest[2], ofUser: false };
    const used = ofGroups?.[group + 1];
    const keys = used && { used: used[0], waitMs: used[1] };
    for (const position of positions) {
      const own = ofUsers?.[`user-quota:${users[at]!}`];
      const limit =
        own && ofApplication && own[0] < ofApplication.remaining
          ? { remaining: own[0], resetMs: own[1], waitMs: own[2], ofUser: true }
          : ofApplication;
      const userKeysWaitMs = ofUsers?.[`user-keys:${users[at]!}`]?.[2];
      answers[position] = {
        result: results[at++]!,
        createdAt,
        incarnation,
        pending,
        limit,
        keys,
        userKeysWaitMs,
        memory,
      };
    }
  });
  return answers;
}
