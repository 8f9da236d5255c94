export type { AcceptLimits, Submission } from "./accept-batch.ts";
export { createBacklog, type AcceptedBatch, type AcceptedMessage, type Backlog, type DoneMessage } from "./backlog.ts";
export { IntakeUnavailable } from "./batcher.ts";
export { createIntake, type Acceptance, type BatchObservation, type Intake } from "./intake.ts";
export type { Partitioning } from "./keys.ts";
export { createPendingMessages, type PendingMessages } from "./pending.ts";
export { createPressureGauge, type PressureGauge } from "./pressure.ts";
export type { PendingRecord } from "./record.ts";
export { withScripts, type IntakePipeline, type IntakeRedis } from "./scripts.ts";
