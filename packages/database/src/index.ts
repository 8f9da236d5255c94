export { WriteNotDone, WriteOutcomeUnknown } from "./attempt.ts";
export { createApplications } from "./applications.ts";
export { listActs, recordAct } from "./audit-log.ts";
export { createChats } from "./chats.ts";
export { createDatabase } from "./client.ts";
export { createDatabaseGauges, createPoolGauges } from "./database-gauges.ts";
export { readDatabaseSettings } from "./database-settings.ts";
export { createDeadLetters } from "./dead-letters.ts";
export {
  IdempotencyConflict,
  isLoginRefused,
  isRefusal,
  isMissingTable,
  isTransient,
  isUnavailable,
  reasonOf,
} from "./errors.ts";
export {
  pruneStoredBatches,
  pruneIdempotencyKeys,
  pruneMessageKeys,
  sampleCounts,
  verifyCounts,
} from "./maintenance.ts";
export { createMessageKeys, type KeyedMessage, type MessageKeys } from "./message-keys.ts";
export { createKeys, KeyNotActive } from "./keys.ts";
export { createMessageChanges } from "./message-changes.ts";
export { createMessages } from "./messages.ts";
export { createHorizons, laterNumbering, NumberingOutdated } from "./horizons.ts";
export { createErasures, maxOpenErasures, TooManyErasures } from "./erasures.ts";
export type { Erasure, Erasures, SenderErasure, SenderErasureRequest } from "./erasures.ts";
export {
  createErasureWork,
  tablesOfChats,
  type ClaimedErasure,
  type ErasedChat,
  type ErasureWork,
} from "./erasure-work.ts";
export type { ErasedSender } from "./sender-erasure.ts";
export { removeHistories } from "./removed-histories.ts";
export { removeMessages } from "./remove-messages.ts";
export { createRetention, type Retention } from "./retention.ts";
export { previewRetention, type RetentionPreview } from "./retention-preview.ts";
export { createMigrationCheck, migrate, migrationStatus } from "./migrate.ts";
export { MigrationError } from "./migrations.ts";
export { createSearchBackend, SearchBackendMismatch } from "./search-backend.ts";
export { createNumberings } from "./numberings.ts";
export { createOutbox } from "./outbox.ts";
export { createBatchStore } from "./batch-store.ts";
export type { ApplicationReference, Applications, NewApplication } from "./applications.ts";
export type { Act, Actor, AuditEntry } from "./audit-log.ts";
export type { Chat, CreatedChat, NewChat } from "./chat-creation.ts";
export type { ChatActivity } from "./chat-activity.ts";
export type { ChatCount, Chats, LastNumbers, StoredChat, StoredHead } from "./chats.ts";
export type { DatabaseAddress } from "./connection.ts";
export type { Database, DatabaseOptions } from "./client.ts";
export type { QueryEvent } from "./session.ts";
export type { ExpectedOfDatabase } from "./database-settings.ts";
export type { DeadLetters, Restoration } from "./dead-letters.ts";
export type { Application, DeadLetter } from "./generated/client.ts";
export type { Idempotency } from "./idempotency.ts";
export type { CountDifference } from "./maintenance.ts";
export type { ChangeOutcome, ChangeTarget, MessageChanges, MessageEdit, EarlierVersion } from "./message-changes.ts";
export type { KeyIdentity, KeyOwner, KeyRow, Keys, KeyToStore, StoredCredential } from "./keys.ts";
export type { NewMessage } from "./message-rows.ts";
export type { AddressedMessage } from "./owners.ts";
export type {
  ActiveChat,
  Message,
  MessageCount,
  MessageAddress,
  MessageRange,
  Messages,
  MessageSize,
  MessageState,
  MessageVersion,
  MessageWithApplication,
  RangeQuery,
} from "./messages.ts";
export type { MigrateOptions } from "./migrate.ts";
export type { Numbering, Numberings } from "./numberings.ts";
export type { Outbox, StoredRange } from "./outbox.ts";
export type { OverdueChat, RetentionGroup } from "./retention-groups.ts";
export type { ChatFilter, ReadHorizon, Horizons, UnreadChat } from "./horizons.ts";
export type { BatchStore } from "./batch-store.ts";
export type { LostBatch } from "./stored-batches.ts";
export type { NewBatch, StoreResult } from "./write-batches.ts";
