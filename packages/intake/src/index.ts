export { createLiveSignals, type LiveEvent, type LiveSignals } from "./live-signals.ts";
export type { AcceptLimits, Submission } from "./accept-batch.ts";
export type { AcceptedBatch, AcceptedMessage } from "./accepted-batch.ts";
export { createBacklog, type Backlog, type Completed, type Move } from "./backlog.ts";
export { createIntakeErasure, type IntakeErasure } from "./erasure.ts";
export { acceptedAt, batchIdOf } from "./batch-id.ts";
export { IntakeBusy, IntakeUnavailable } from "./batcher.ts";
export { totalCounts, type Counts } from "./counts.ts";
export { createBacklogGauges } from "./backlog-gauges.ts";
export {
  createIntake,
  type Acceptance,
  type BatchObservation,
  type BatchSpan,
  type Intake,
  type Run,
} from "./intake.ts";
export { nameHash, partitionOf, type Partitioning } from "./keys.ts";
export { ChatsUnavailable } from "./head-loader.ts";
export { createPendingMessages, type ChatHead, type ChatName, type PendingMessages } from "./pending.ts";
export type { ChatNumbering } from "./batch-chats.ts";
export { createPressureGauge, type PressureGauge } from "./pressure.ts";
export { UnknownRecordFormat, type PendingRecord } from "./pending-record.ts";
export { withScripts, type IntakeRedis } from "./scripts.ts";
