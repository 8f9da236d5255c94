import type { EntryResult } from "./encode-batch.ts";

/** The outcome of a submission that Redis answered. */
export type Acceptance = { limit?: EntryResult["limit"] } & (
  | { kind: "accepted"; number: number; createdAt: Date; replayed: boolean }
  | { kind: "conflict" | "unknown-chat" | "unknown-application" | "unknown-reply" | "key-open" }
  | { kind: "failed"; error: Error }
  | { kind: "overloaded"; pending: number }
  | { kind: "limited" | "keys-used-up"; waitMs: number; ofUser: boolean }
);

/** Turns an answer of the accept script into the outcome for its message. */
export function toAcceptance({ result, createdAt, pending, limit, keys, userKeysWaitMs }: EntryResult): Acceptance {
  if (typeof result === "number") return { kind: "accepted", number: result, createdAt, replayed: false, limit };
  if (typeof result === "object")
    return { kind: "accepted", number: result.number, createdAt: new Date(result.at), replayed: true, limit };
  if (result === "overloaded") return { kind: "overloaded", pending, limit };
  if (result === "limited" || result === "user-limited")
    return { kind: "limited", waitMs: limit?.waitMs ?? 1000, ofUser: result === "user-limited", limit };
  if (result === "keys") return { kind: "keys-used-up", waitMs: keys?.waitMs ?? 1000, ofUser: false, limit };
  if (result === "user-keys") return { kind: "keys-used-up", waitMs: userKeysWaitMs ?? 1000, ofUser: true, limit };
  if (result === "open") return { kind: "key-open", limit };
  if (result === "reply") return { kind: "unknown-reply", limit };
  return { kind: result === "conflict" ? "conflict" : "unknown-chat", limit };
}
