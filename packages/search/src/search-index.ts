import type { MessageContent } from "@confab/contracts";

/** A message as it is indexed. Its `version` grows with every change of the row; the ids are the database's own. */
export interface SearchDocument extends MessageContent {
  chatId: bigint;
  applicationId: bigint;
  number: number;
  /** 16 bytes: which message it is, should the database lose one and give its number to another. */
  uid: Uint8Array;
  version: number;
  createdAt: Date;
  updatedAt: Date;
  /** A deleted message is removed from the index. */
  deletedAt: Date | null;
}

/** A message as a backend finds it. */
export interface FoundMessage extends MessageContent {
  /** Tells the message from another one that has its chat's id and its number by now. */
  uid: Uint8Array;
  number: number;
  createdAt: Date;
  updatedAt: Date;
}

export interface HighlightedMessage extends FoundMessage {
  /** HTML-escaped pieces of the body with the matches in `<mark>`; at least one. */
  highlights: string[];
}

export interface SearchPage {
  /** Newest first. */
  hits: HighlightedMessage[];
  /** Cursor of the following page; absent on the last one. */
  next?: string;
}

export interface SearchRequest {
  chatId: bigint;
  q: string;
  /** Hits a page, at least 1. */
  limit: number;
  cursor?: string | undefined;
}

export interface IndexOptions {
  /** When the documents can be found: after the usual second, now, or on the next refresh, which is waited for. */
  refresh?: boolean | "wait_for";
}

export interface RejectedDocument {
  chatId: bigint;
  number: number;
  reason: string;
}

export interface IndexResult {
  indexed: number;
  /** Documents that the index will never take as they are; sending them again is useless. */
  rejected: RejectedDocument[];
}

/** What messages are searched through; every backend passes the one conformance suite. */
export interface SearchIndex {
  readonly kind: "elasticsearch" | "mysql";
  /** Creates what is missing; harmless when repeated or done by several processes at once. */
  prepare(): Promise<void>;
  /** Takes documents in any order and any number of times: a version that is not newer changes nothing. */
  index(documents: readonly SearchDocument[], options?: IndexOptions): Promise<IndexResult>;
  /** Throws `InvalidQuery`, `InvalidCursor` or `SearchUnavailable`. */
  search(request: SearchRequest): Promise<SearchPage>;
  /** Throws `SearchUnavailable` when a search could not be answered now. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
