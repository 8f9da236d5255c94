import type { SearchDocument, SearchedChat } from "@confab/search";
import { messageOf, newChat } from "./documents.ts";

let applications = 9_007_199_254_740_993n;

export const startTime = Date.UTC(2026, 2, 1);
/** Returns a time some milliseconds after the start. */
export const at = (ms: number) => new Date(startTime + ms);

/** Chat number and message number of a hit. */
export type Key = string;
export const keyOf = ({ chatNumber, number }: { chatNumber: number; number: number }): Key => `${chatNumber}/${number}`;

/** Creates an application whose chats have the numbers 1, 2, 3… */
export function newApplication() {
  const applicationId = (applications += 2n);
  const ids = Array.from({ length: 20 }, newChat);
  return {
    applicationId,
    /** Returns a message that was created some milliseconds after the start. */
    message: (
      chatNumber: number,
      number: number,
      ms: number,
      body: string | null = "hello",
      version = 1,
    ): SearchDocument => {
      const document = messageOf(ids[chatNumber - 1]!, number, body, version);
      return { ...document, applicationId, chatNumber, createdAt: at(ms) };
    },
    chats: (lastMessageAt: Date, ...numbers: number[]): SearchedChat[] =>
      numbers.map((number) => ({ id: ids[number - 1]!, number, lastMessageAt })),
  };
}

/** Returns the documents' keys in the order of the results. */
export function newestFirst(documents: readonly SearchDocument[]): Key[] {
  return documents
    .filter(({ deletedAt }) => deletedAt === null)
    .toSorted((a, b) => Number(b.createdAt) - Number(a.createdAt) || b.chatNumber - a.chatNumber || b.number - a.number)
    .map(keyOf);
}
