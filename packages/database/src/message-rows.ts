import { contentBytes, type MessageContent } from "@confab/contracts";
import { placeholders } from "./transaction.ts";
import type { Statements } from "./session.ts";

/** The idempotency key of a message, if it carries a time. */
export interface RequestKey {
  /** 15 bytes: the time, and a digest of the key, its chat and its user. */
  readonly id: Uint8Array;
  /** The beginning of the request's hash, 9 bytes. */
  readonly request: Uint8Array;
}

/** An accepted message that is not stored yet. */
export interface NewMessage extends MessageContent {
  readonly chatId: bigint;
  readonly number: number;
  /** 16 bytes that distinguish a repeated delivery from a different message with the same number. */
  readonly uid: Uint8Array;
  readonly createdAt: Date;
  /** The epoch of the application in which it was accepted; absent in the first one. */
  readonly epoch?: number | undefined;
  readonly requestId?: string | undefined;
  /** The idempotency key to store with it. */
  readonly key?: RequestKey | undefined;
  /** The body in UTF-8, if the caller has it. */
  readonly bodyBytes?: Uint8Array | undefined;
}

/** A message that the database refuses. */
export type Refused<M> = M & {
  /** The server's own error message. */
  readonly reason: string;
};

/** Returns the size of a message's content, as limits of statements and of outbox rows count it. */
export function bytesOf(message: NewMessage): number {
  return contentBytes(message, message.bodyBytes?.length);
}

/**
 * Returns the rows whose key is free, those whose key belongs to another message (a different uid), and those that are stored under
 * their key and deleted.
 */
export async function compareWithStored<M extends NewMessage>(
  tx: Statements,
  table: "messages" | "dead_letters",
  rows: readonly M[],
): Promise<{ fresh: M[]; conflicts: M[]; deleted: M[] }> {
  if (rows.length === 0) return { fresh: [], conflicts: [], deleted: [] };
  const numbers = groupByChat(rows);
  const windows = [...numbers].map(([, taken]) => `(chat_id = ? AND number IN (${placeholders(taken)}))`).join(" OR ");
  const existing = await tx.$queryRawUnsafe<
    { chatId: bigint; number: number; uid: Uint8Array; isDeleted: bigint | number }[]
  >(
    `SELECT chat_id AS chatId, number, uid, ${table === "messages" ? "deleted_at IS NOT NULL" : "0"} AS isDeleted FROM ${table} WHERE ${windows}`,
    ...[...numbers].flatMap(([chatId, taken]) => [chatId, ...taken.map((row) => row.number)]),
  );
  const found = new Map(existing.map((row) => [keyOf(row), row]));
  const fresh: M[] = [];
  const conflicts: M[] = [];
  const deleted: M[] = [];
  for (const row of rows) {
    const other = found.get(keyOf(row));
    if (!other) fresh.push(row);
    else if (Buffer.compare(other.uid, row.uid) !== 0) conflicts.push(row);
    else if (Number(other.isDeleted) !== 0) deleted.push(row);
  }
  return { fresh, conflicts, deleted };
}

/** Returns `chat:number`, which is unique per message. */
export function keyOf({ chatId, number }: { chatId: bigint; number: number }): string {
  return `${chatId.toString()}:${number}`;
}

/** Sorts by key, which is also the lock order. Rows with the same key keep their order. */
export function sortByKey<M extends NewMessage>(rows: readonly M[]): M[] {
  // Comparing numbers costs far less than comparing a bigint for each pair of rows.
  const chats = [...groupByChat(rows)].sort(([a], [b]) => ascending(a, b));
  return chats.flatMap(([, own]) => own.sort((a, b) => a.number - b.number));
}

export function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function groupByChat<M extends NewMessage>(rows: readonly M[]): Map<bigint, M[]> {
  return Map.groupBy(rows, (row) => row.chatId);
}
