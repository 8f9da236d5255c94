export { createSearchIndex, searchBackendOf, type SearchOptions } from "./create.ts";
export type { ElasticsearchOptions } from "./connection.ts";
export { createElasticsearchIndex } from "./elasticsearch.ts";
export type { ElasticsearchIndex } from "./elasticsearch.ts";
export { isElasticsearch, isSearchable } from "./find-document.ts";
export {
  changedAfter,
  countIndexed,
  findMissing,
  isSameCount,
  numbersInIndex,
  type CountedRange,
  type ExpectedMessage,
  type IndexedNumber,
  type MessageCount,
} from "./reconcile.ts";
export { InvalidCursor, InvalidQuery, SearchUnavailable } from "./errors.ts";
export { fold } from "./fold.ts";
export { highlight } from "./highlight.ts";
export { toSource } from "./mapping.ts";
export { createMysqlIndex } from "./mysql.ts";
export type { MysqlIndexOptions } from "./mysql.ts";
export { maxQueryLength, maxQueryTerms, queryProblem, queryTerms } from "./query.ts";
export { countDocuments, removeChats, removeNumbers } from "./remove-chats.ts";
export { rebuild } from "./rebuild.ts";
export type { DocumentSource, RebuildOptions, RebuildResult } from "./rebuild.ts";
export type {
  ApplicationSearchRequest,
  ChatHits,
  CountRequest,
  FoundInChat,
  FoundMessage,
  Highlights,
  HitCounts,
  IndexOptions,
  ReadAgain,
  IndexResult,
  RejectedDocument,
  SearchDocument,
  SearchedChat,
  SearchFilters,
  SearchIndex,
  SearchPage,
  SearchRequest,
} from "./search-index.ts";
export { verify } from "./verify.ts";
export type { Differences, MessagePosition, VerifyResult } from "./verify.ts";
export type { StoredMessages } from "./walk-chats.ts";
