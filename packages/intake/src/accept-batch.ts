import type { MessageContent } from "@confab/contracts";
import { messageUid } from "./batch-id.ts";
import { keyDigest, requestDigest } from "./idempotency.ts";
import { encodeRecord } from "./pending-record.ts";

/** What MySQL knows of a chat, and the incarnation of Redis under which it was asked. */
export interface LoadedHead {
  id: string;
  lastNumber: number;
  incarnation: string;
}

/** A valid message on its way in. */
export interface Submission extends MessageContent {
  token: string;
  chat: number;
  requestId: string;
  /** The request's span as a W3C traceparent, where it is recorded. */
  trace?: string | undefined;
  idempotency?: { key: string; hash: string } | undefined;
}

export interface BatchEntry extends Submission {
  loaded?: LoadedHead | undefined;
}

export interface AcceptLimits {
  /** Pending messages of a partition beyond which everything is refused; 0: no limit. */
  maxPending: number;
  /** Messages per second and in a burst, per application and partition; a rate of 0: no limit. */
  applicationMessageRate: number;
  applicationMessageBurst: number;
  /** An idempotency key is remembered for at least this long, and for at most one and a half times as long. */
  idempotencySeconds: number;
  /** Idempotency keys that an application may use per partition in half of that time; 0: no limit. */
  maxIdempotencyKeys: number;
}

/** A new number, the first answer to the same idempotency key, or why the message was not taken. */
export type AcceptResult =
  number | { number: number; at: number } | "conflict" | "unknown" | "overloaded" | "limited" | "keys";

/** What accept.lua returns. */
interface AcceptReply {
  incarnation: string;
  pending: number;
  limits?: [remaining: number, resetMs: number, waitMs: number][];
  keysMs: number;
  results: AcceptResult[];
}

export interface EntryResult {
  result: AcceptResult;
  incarnation: string;
  pending: number;
  /** What is left of the application's quota; undefined where there is none. */
  limit: { remaining: number; resetMs: number; waitMs: number } | undefined;
  /** When an application that has used all its idempotency keys may use new ones. */
  keysMs: number;
}

export interface EncodedBatch {
  id: string;
  args: (string | number)[];
  /** Turns the script's reply into one result per entry, in the order of the entries. */
  parse(reply: string): EntryResult[];
}

/** Lays out a batch for the accept script: one group per chat, the entries of a chat in the order of their arrival. */
export function encodeBatch(
  prefix: string,
  batchId: Buffer,
  entries: readonly BatchEntry[],
  limits: AcceptLimits,
  now: number,
): EncodedBatch {
  const id = batchId.toString("base64url");
  const groups = new Map<string, number[]>();
  entries.forEach(({ token, chat }, place) => {
    const key = `${token}:${chat}`;
    const places = groups.get(key);
    if (places) places.push(place);
    else groups.set(key, [place]);
  });
  const args: (string | number)[] = [
    prefix,
    id,
    now,
    limits.maxPending,
    limits.applicationMessageRate,
    limits.applicationMessageBurst,
    limits.idempotencySeconds,
    limits.maxIdempotencyKeys,
    groups.size,
  ];
  for (const places of groups.values()) {
    const members = places.map((place) => entries[place]!);
    const { token, chat } = members[0]!;
    const loaded = members.find((entry) => entry.loaded)?.loaded;
    args.push(token, chat, loaded?.id ?? "", loaded?.lastNumber ?? "", loaded?.incarnation ?? "", members.length);
    members.forEach((entry, index) => {
      const { idempotency } = entry;
      const uid = messageUid(batchId, places[index]!);
      const digest = idempotency && keyDigest(chat, idempotency.key);
      const request = idempotency && requestDigest(idempotency.hash);
      args.push(digest ?? "", request ?? "", encodeRecord(uid, now, { ...entry, digest }));
    });
  }
  return { id, args, parse: (reply) => parseReply(reply, [...groups.values()]) };
}

function parseReply(reply: string, groups: number[][]): EntryResult[] {
  const { incarnation, pending, limits, keysMs, results } = JSON.parse(reply) as AcceptReply;
  const answers: EntryResult[] = [];
  let at = 0;
  groups.forEach((places, group) => {
    const limit = limits?.[group];
    for (const place of places) {
      answers[place] = {
        result: results[at++]!,
        incarnation,
        pending,
        limit: limit && { remaining: limit[0], resetMs: limit[1], waitMs: limit[2] },
        keysMs,
      };
    }
  });
  return answers;
}
