import type { MessageContent } from "@confab/contracts";

/** A message to index. Its `version` grows with every change to its content. Its ids are those in the database. */
export interface SearchDocument extends MessageContent {
  readonly chatId: bigint;
  readonly applicationId: bigint;
  /** Number of the chat in its application. */
  readonly chatNumber: number;
  readonly number: number;
  /** 16 bytes that identify the message even if the database loses it and assigns its number to another one. */
  readonly uid: Uint8Array;
  readonly version: number;
  /**
   * Change number of the latest change, or null if there is none. Unlike a version, it is not reused after the database
   * has lost changes.
   */
  readonly changeNumber: number | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Time of the deletion, or null. A deleted message is removed from the index. */
  readonly deletedAt: Date | null;
}

/** A message found by a search. */
export interface FoundMessage extends MessageContent {
  /** Distinguishes the message from one that later gets the same chat id and number. */
  readonly uid: Uint8Array;
  readonly number: number;
  readonly version: number;
  readonly changeNumber: number | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A message that a search across an application found, with its chat according to the index. */
export interface FoundInChat extends FoundMessage {
  readonly chatId: bigint;
  readonly chatNumber: number;
}

export interface Highlights {
  /** HTML-escaped fragments of the body with the matches in `<mark>`; at least one. */
  readonly highlights: string[];
}

export interface SearchPage<Found extends FoundMessage = FoundMessage> {
  /** Hits in the requested order. */
  readonly hits: (Found & Highlights)[];
  /** Cursor of the next page; missing on the last page. */
  readonly next?: string;
}

/** Conditions that a message must meet, apart from its chat. */
export interface SearchFilters {
  /** Signal that ends the search when nobody is waiting for it any more. */
  readonly signal?: AbortSignal | undefined;
  /** The query. If it is undefined, every text matches. */
  readonly q?: string | undefined;
  /** If given, only messages from this sender match. */
  readonly sender?: string | undefined;
  /** If given, only messages created at this time or later match. */
  readonly from?: Date | undefined;
  /** If given, only messages created before this time match. */
  readonly to?: Date | undefined;
}

/**
 * The order of hits. In the order by relevance, hits of a higher rank (`rankOf`) come first, and within a rank, newer
 * hits come first.
 */
export type SearchOrder = "newest" | "relevance";

/** The order, size and start of a page of hits. */
export interface PageRequest {
  /** Order of the hits. Default: newest. */
  readonly order?: SearchOrder | undefined;
  /** Maximum number of hits, at least 1. */
  readonly limit: number;
  /** Cursor from the previous page, which must have the same order. */
  readonly cursor?: string | undefined;
}

export interface SearchRequest extends SearchFilters, PageRequest {
  readonly chatId: bigint;
}

/** A chat that a search across an application includes. */
export interface SearchedChat {
  readonly id: bigint;
  readonly number: number;
  /** Time of the chat's latest message, or null if it has none. */
  readonly lastMessageAt: Date | null;
}

/** Conditions for the messages of an application that a search reads. */
export interface ApplicationFilters extends SearchFilters {
  readonly applicationId: bigint;
  /** If given, only these chats of the application are searched. */
  readonly chats?: readonly SearchedChat[] | undefined;
}

export interface ApplicationSearchRequest extends ApplicationFilters, PageRequest {}

export interface CountRequest extends ApplicationFilters {
  /** Maximum number of chats, at least 1. */
  readonly limit: number;
}

/** Number of hits in a chat. */
export interface ChatHits {
  readonly chatId: bigint;
  readonly chatNumber: number;
  /** Number of hits, at least 1. */
  readonly hits: number;
}

export interface HitCounts {
  /** Chats with the most hits: the one with the most hits first, and chats with equal counts by chat number. */
  readonly chats: ChatHits[];
  /**
   * False if the counts may be wrong: the search reached a limit and counted only the newest messages, or it compared
   * only the beginning of a long term.
   */
  readonly isExact: boolean;
}

export interface IndexOptions {
  /**
   * When the documents become searchable: within a second (`false`), at once (`true`), or at the next refresh, which is
   * awaited (`"wait_for"`).
   */
  readonly refresh?: boolean | "wait_for";
  /**
   * Reads messages from the database again, by chat id and number, and leaves out deleted ones. This shows whether the
   * database has lost a change that is in the index. Without this function, the change in the index counts.
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
  /**
   * Creates the index if it is missing, and returns whether this call created it. May be repeated or called by several
   * processes.
   */
  prepare(): Promise<boolean>;
  /** Indexes documents, in any order and any number of times. A document without a newer change has no effect. */
  index(documents: readonly SearchDocument[], options?: IndexOptions): Promise<IndexResult>;
  /** Searches a chat. Throws `InvalidQuery`, `InvalidCursor` or `SearchUnavailable`. */
  search(request: SearchRequest): Promise<SearchPage>;
  /**
   * Searches all chats of an application. Messages are sorted by time, then by chat number, then by number. Throws the
   * same errors as `search`.
   */
  searchApplication(request: ApplicationSearchRequest): Promise<SearchPage<FoundInChat>>;
  /** Counts the messages that `searchApplication` finds in each chat. Throws `InvalidQuery` or `SearchUnavailable`. */
  countHits(request: CountRequest): Promise<HitCounts>;
  /** Throws `SearchUnavailable` if searches cannot be answered at the moment. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
