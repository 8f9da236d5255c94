import type { EntryResult } from "./encode-batch.ts";

/** The outcome of a submission that Redis answered. */
export type Acceptance = { limit?: EntryResult["limit"] } & (
  | { outcome: "accepted"; number: number; createdAt: Date; replayed: boolean }
  | { outcome: "conflict" | "unknown-chat" | "unknown-application" | "unknown-reply" | "key-open" }
  | { outcome: "failed"; error: Error }
  | { outcome: "overloaded"; pending: number }
  | { outcome: "limited" | "keys-used-up"; waitMs: number; ofUser: boolean }
);

/** Turns an answer of the accept script into the outcome for its message. */
export function toAcceptance({ result, createdAt, pending, limit, keys, userKeysWaitMs }: EntryResult): Acceptance {
  if (typeof result === "number") return { outcome: "accepted", number: result, createdAt, replayed: false, limit };
  if (typeof result === "object")
    return { outcome: "accepted", number: result.number, createdAt: new Date(result.at), replayed: true, limit };
  if (result === "overloaded") return { outcome: "overloaded", pending, limit };
  if (result === "limited" || result === "user-limited")
    return { outcome: "limited", waitMs: limit?.waitMs ?? 1000, ofUser: result === "user-limited", limit };
  if (result === "keys") return { outcome: "keys-used-up", waitMs: keys?.waitMs ?? 1000, ofUser: false, limit };
  if (result === "user-keys") return { outcome: "keys-used-up", waitMs: userKeysWaitMs ?? 1000, ofUser: true, limit };
  if (result === "open") return { outcome: "key-open", limit };
  if (result === "reply") return { outcome: "unknown-reply", limit };
  return { outcome: result === "conflict" ? "conflict" : "unknown-chat", limit };
}
