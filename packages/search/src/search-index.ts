import type { MessageContent } from "@confab/contracts";

/** A message to index. Its `version` grows with every change of its content. The ids are those of the database. */
export interface SearchDocument extends MessageContent {
  readonly chatId: bigint;
  readonly applicationId: bigint;
  /** The number of the chat in its application. */
  readonly chatNumber: number;
  readonly number: number;
  /** 16 bytes that identify the message, in case the database loses one and assigns its number to another. */
  readonly uid: Uint8Array;
  readonly version: number;
  /** That of its latest change; null without one. Unlike a version, it is not given again after the database has lost changes. */
  readonly changeNumber: number | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** A deleted message is removed from the index. */
  readonly deletedAt: Date | null;
}

/** A message that a backend found. */
export interface FoundMessage extends MessageContent {
  /** Distinguishes the message from another one that later got its chat id and number. */
  readonly uid: Uint8Array;
  readonly number: number;
  readonly version: number;
  readonly changeNumber: number | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A message that a search across an application found, with its chat as the index knows it. */
export interface FoundInChat extends FoundMessage {
  readonly chatId: bigint;
  readonly chatNumber: number;
}

export interface Highlights {
  /** HTML-escaped fragments of the body with the matches in `<mark>`; at least one. */
  readonly highlights: string[];
}

export interface SearchPage<Found extends FoundMessage = FoundMessage> {
  /** In the order of the request. */
  readonly hits: (Found & Highlights)[];
  /** The cursor of the next page. Absent on the last page. */
  readonly next?: string;
}

/** The conditions for a message, beside its chat. */
export interface SearchFilters {
  /** Ends the search when nobody waits for it any more. */
  readonly signal?: AbortSignal | undefined;
  /** Absent: every text matches. */
  readonly q?: string | undefined;
  /** Only messages of this sender. */
  readonly sender?: string | undefined;
  /** Only messages that were created at this time or later. */
  readonly from?: Date | undefined;
  /** Only messages that were created before this time. */
  readonly to?: Date | undefined;
}

/** The order of hits. By relevance, those of a higher rank come first (`rankOf`), and within a rank the newest. */
export type SearchOrder = "newest" | "relevance";

/** A page of hits. */
export interface PageRequest {
  /** Default: newest. */
  readonly order?: SearchOrder | undefined;
  /** Maximum number of hits, at least 1. */
  readonly limit: number;
  /** From the page before, with the same order. */
  readonly cursor?: string | undefined;
}

export interface SearchRequest extends SearchFilters, PageRequest {
  readonly chatId: bigint;
}

/** A chat that a search across an application reads. */
export interface SearchedChat {
  readonly id: bigint;
  readonly number: number;
  /** Null if the chat has no messages. */
  readonly lastMessageAt: Date | null;
}

/** The messages of an application that a search reads. */
export interface ApplicationFilters extends SearchFilters {
  readonly applicationId: bigint;
  /** Only these chats of the application. */
  readonly chats?: readonly SearchedChat[] | undefined;
}

export interface ApplicationSearchRequest extends ApplicationFilters, PageRequest {}

export interface CountRequest extends ApplicationFilters {
  /** Maximum number of chats, at least 1. */
  readonly limit: number;
}

/** The hits in a chat. */
export interface ChatHits {
  readonly chatId: bigint;
  readonly chatNumber: number;
  /** At least 1. */
  readonly hits: number;
}

export interface HitCounts {
  /** Those with the most hits, by hits and then by number of chat. */
  readonly chats: ChatHits[];
  /** False if the search reached a limit before it had read all messages. Only the later ones are counted then. */
  readonly isExact: boolean;
}

export interface IndexOptions {
  /**
   * When the documents become searchable: within a second, at once (`true`), or at the next refresh, which is awaited.
   */
  readonly refresh?: boolean | "wait_for";
  /**
   * Reads messages of the database again, by chat id and number; deleted ones are left out. So it is seen whether the database has lost a
   * change that the index has. Without it, the change in the index counts.
   */
  readonly readAgain?: ReadAgain | undefined;
}

export type ReadAgain = (
  keys: readonly { chatId: bigint; number: number }[],
) => Promise<ReadonlyMap<bigint, ReadonlyMap<number, { uid: Uint8Array; changeNumber: number | null }>>>;

export interface RejectedDocument {
  readonly chatId: bigint;
  readonly number: number;
  readonly reason: string;
}

export interface IndexResult {
  indexed: number;
  /** Documents that the index permanently refuses. Do not send them again. */
  readonly rejected: RejectedDocument[];
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
