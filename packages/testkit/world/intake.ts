import { createBatchStore, createMessageKeys, createNumberings, type Chats, type Database } from "@confab/database";
import {
  createIntake,
  withScripts,
  type AcceptLimits,
  type Backlog,
  type Intake,
  type Partitioning,
} from "@confab/pending";
import type { Producer } from "@confab/queue";
import { connectForRequests } from "@confab/redis";

export const noLimits: AcceptLimits = {
  maxPending: 0,
  applicationMessageRate: 0,
  applicationMessageBurst: 0,
  idempotencySeconds: 3600,
  maxIdempotencyKeys: 0,
  userShare: 1,
};

export const noReadLimits = { maxMessages: 1e9, maxBytes: 1e12 };

type IntakeOptions = Parameters<typeof createIntake>[0];

interface IntakeParts {
  readonly redis: IntakeOptions["redis"];
  readonly producer: Pick<Producer, "wakeBatches">;
  readonly partitioning: Partitioning;
  readonly chats: Pick<Chats, "locate">;
  readonly database: Database;
}

/** Connects to Redis with the intake's scripts, and ignores connection errors, which some tests cause on purpose. */
export function connectScripts(url: string) {
  const redis = withScripts(connectForRequests({ url }, "test"));
  redis.on("error", () => undefined);
  return redis;
}

/** Creates an intake like that of ingest, without limits. */
export function createTestIntake(
  { redis, producer, partitioning, chats, database }: IntakeParts,
  options: Partial<IntakeOptions> = {},
): Intake {
  return createIntake({
    partitioning,
    limits: noLimits,
    redis,
    wake: (partition, batchIds) => producer.wakeBatches(partition, batchIds),
    loadHead: (token, chat) => chats.locate(token, chat),
    numberingOf: createNumberings(database).ordinalOf,
    findKeys: (ids) => createMessageKeys(database).find(ids),
    ...options,
  });
}

interface PendingSelection {
  readonly limit?: number;
  /** Decides by the first number of a batch. */
  readonly isWanted?: (number: number) => boolean;
}

/** Reads the oldest pending batches like the worker. The function that it resolves to stores them. */
export async function takePending(
  database: Database,
  backlog: Backlog,
  { limit = 10_000, isWanted = () => true }: PendingSelection = {},
) {
  const ids = await backlog.overdue(0, { offset: 0, limit });
  const { batches, lost } = await backlog.read(ids, noReadLimits);
  const wanted = batches.filter(({ messages: [first] }) => first && isWanted(first.number));
  return async () => {
    const { conflicts } = await createBatchStore(database).store(
      wanted.map(({ id, ...batch }) => ({ id: Buffer.from(id, "base64url"), ...batch })),
    );
    await backlog.complete({ ids: wanted.map(({ id }) => id) });
    return { lost, conflicts };
  };
}

/** Stores the oldest pending batches like the worker. */
export async function storePending(...args: Parameters<typeof takePending>) {
  return (await takePending(...args))();
}
