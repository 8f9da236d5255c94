import type { MessageContent } from "@confab/contracts";

/** A message to index. Its `version` grows with every change of its content. The ids are those of the database. */
export interface SearchDocument extends MessageContent {
  chatId: bigint;
  applicationId: bigint;
  /** The number of the chat in its application. */
  chatNumber: number;
  number: number;
  /** 16 bytes that identify the message, in case the database loses one and assigns its number to another. */
  uid: Uint8Array;
  version: number;
  /** That of its latest change; null without one. Unlike a version, it is not given again after the database has lost changes. */
  changeNumber: number | null;
  createdAt: Date;
  updatedAt: Date;
  /** A deleted message is removed from the index. */
  deletedAt: Date | null;
}

/** A message that a backend found. */
export interface FoundMessage extends MessageContent {
  /** Distinguishes the message from another one that later got its chat id and number. */
  uid: Uint8Array;
  number: number;
  version: number;
  changeNumber: number | null;
  createdAt: Date;
  updatedAt: Date;
}

/** A message that a search across an application found, with its chat as the index knows it. */
export interface FoundInChat extends FoundMessage {
  chatId: bigint;
  chatNumber: number;
}

export interface Highlights {
  /** HTML-escaped fragments of the body with the matches in `<mark>`; at least one. */
  highlights: string[];
}

export interface SearchPage<Found extends FoundMessage = FoundMessage> {
  /** In the order of the request. */
  hits: (Found & Highlights)[];
  /** The cursor of the next page. Absent on the last page. */
  next?: string;
}

/** The conditions for a message, beside its chat. */
export interface SearchFilters {
  /** Ends the search when nobody waits for it any more. */
  signal?: AbortSignal | undefined;
  /** Absent: every text matches. */
  q?: string | undefined;
  /** Only messages of this sender. */
  sender?: string | undefined;
  /** Only messages that were created at this time or later. */
  from?: Date | undefined;
  /** Only messages that were created before this time. */
  to?: Date | undefined;
}

/** The order of hits. By relevance, those of a higher rank come first (`rankOf`), and within a rank the newest. */
export type SearchOrder = "newest" | "relevance";

/** A page of hits. */
export interface PageRequest {
  /** Default: newest. */
  order?: SearchOrder | undefined;
  /** Maximum number of hits, at least 1. */
  limit: number;
  /** From the page before, with the same order. */
  cursor?: string | undefined;
}

export interface SearchRequest extends SearchFilters, PageRequest {
  chatId: bigint;
}

/** A chat that a search across an application reads. */
export interface SearchedChat {
  id: bigint;
  number: number;
  /** Null if the chat has no messages. */
  lastMessageAt: Date | null;
}

/** The messages of an application that a search reads. */
export interface ApplicationFilters extends SearchFilters {
  applicationId: bigint;
  /** Only these chats of the application. */
  chats?: readonly SearchedChat[] | undefined;
}

export interface ApplicationSearchRequest extends ApplicationFilters, PageRequest {}

export interface CountRequest extends ApplicationFilters {
  /** Maximum number of chats, at least 1. */
  limit: number;
}

/** The hits in a chat. */
export interface ChatHits {
  chatId: bigint;
  chatNumber: number;
  /** At least 1. */
  hits: number;
}

export interface HitCounts {
  /** Those with the most hits, by hits and then by number of chat. */
  chats: ChatHits[];
  /** False if the search reached a limit before it had read all messages. Only the later ones are counted then. */
  isExact: boolean;
}

export interface IndexOptions {
  /**
   * When the documents become searchable: within a second, at once (`true`), or at the next refresh, which is awaited.
   */
  refresh?: boolean | "wait_for";
  /**
   * Reads messages of the database again, by chat id and number; deleted ones are left out. So it is seen whether the database has lost a
   * change that the index has. Without it, the change in the index counts.
   */
  readAgain?: ReadAgain | undefined;
}

export type ReadAgain = (
  keys: readonly { chatId: bigint; number: number }[],
) => Promise<ReadonlyMap<bigint, ReadonlyMap<number, { uid: Uint8Array; changeNumber: number | null }>>>;

export interface RejectedDocument {
  chatId: bigint;
  number: number;
  reason: string;
}

export interface IndexResult {
  indexed: number;
  /** Documents that the index permanently refuses. Do not send them again. */
  rejected: RejectedDocument[];
}

/** The search index of messages. Every backend passes the same conformance suite. */
export interface SearchIndex {
  readonly kind: "elasticsearch" | "mysql";
  /** Creates the index if it is missing; harmless when repeated or done by several processes. Returns whether this call created it. */
  prepare(): Promise<boolean>;
  /** Takes documents in any order and any number of times: one without a newer change changes nothing. */
  index(documents: readonly SearchDocument[], options?: IndexOptions): Promise<IndexResult>;
  /** Throws `InvalidQuery`, `InvalidCursor` or `SearchUnavailable`. */
  search(request: SearchRequest): Promise<SearchPage>;
  /**
   * Searches all chats of an application. The newest message is the last one by time, then by chat number, then by number. Throws
   * the same errors.
   */
  searchApplication(request: ApplicationSearchRequest): Promise<SearchPage<FoundInChat>>;
  /** Counts what `searchApplication` finds in each chat. Throws `InvalidQuery` or `SearchUnavailable`. */
  countHits(request: CountRequest): Promise<HitCounts>;
  /** Throws `SearchUnavailable` if a search cannot be answered now. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
