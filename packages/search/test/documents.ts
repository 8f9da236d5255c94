import type { SearchDocument } from "@confab/search";

let chats = 9_007_199_254_740_993n;

/** Returns a chat id that no other test of this run uses. It is above 2⁵³, where JSON numbers lose digits. */
export function newChat(): bigint {
  return (chats += 2n);
}

/**
 * Returns message `number` of a chat, by default with version 1. A null body stands for a deleted message. `life`
 * distinguishes messages with the same number.
 */
export function messageOf(chatId: bigint, number: number, body: string | null, version = 1, life = 0): SearchDocument {
  const createdAt = new Date(Date.UTC(2026, 0, 1, 12, 0, 0, number % 1000));
  const updatedAt = new Date(createdAt.getTime() + (version - 1) * 1000);
  return {
    chatId,
    applicationId: 7n,
    chatNumber: Number(chatId % 1_000_000n) + 1,
    number,
    uid: Buffer.alloc(16, life),
    version,
    changeNumber: version === 1 ? null : version,
    body: body ?? "",
    createdAt,
    updatedAt,
    deletedAt: body === null ? updatedAt : null,
  };
}

/** Returns documents with the given texts as messages 1, 2, 3… of a chat. */
export function messagesOf(chatId: bigint, bodies: readonly string[]): SearchDocument[] {
  return bodies.map((body, at) => messageOf(chatId, at + 1, body));
}
