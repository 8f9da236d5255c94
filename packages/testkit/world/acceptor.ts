import { createBatchStore, createMessageKeys, createNumberings, type Chats, type Database } from "@confab/database";
import {
  createAcceptor,
  withScripts,
  type AcceptLimits,
  type Backlog,
  type Acceptance,
  type Acceptor,
  type Partitioning,
  type Run,
  type Submission,
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

type AcceptorOptions = Parameters<typeof createAcceptor>[0];

interface AcceptorParts {
  readonly redis: AcceptorOptions["redis"];
  readonly producer: Pick<Producer, "wakeBatches">;
  readonly partitioning: Partitioning;
  readonly chats: Pick<Chats, "locate">;
  readonly database: Database;
}

/**
 * Connects to Redis with the acceptor's scripts. Ignores connection errors, because some tests cause them on purpose.
 */
export function connectScripts(url: string) {
  const redis = withScripts(connectForRequests({ url }, "test"));
  redis.on("error", () => undefined);
  return redis;
}

export interface TestAcceptor extends Acceptor {
  /** Submits one run. Rejects with the run's error. */
  submitRun(run: Run): Promise<Acceptance[]>;
  submit(submission: Submission): Promise<Acceptance>;
}

/** Creates an acceptor like ingest's, without limits. */
export function createTestAcceptor(
  { redis, producer, partitioning, chats, database }: AcceptorParts,
  options: Partial<AcceptorOptions> = {},
): TestAcceptor {
  const acceptor = createAcceptor({
    partitioning,
    limits: noLimits,
    redis,
    wake: (partition, batchIds) => producer.wakeBatches(partition, batchIds),
    loadHead: (token, chat) => chats.locate(token, chat),
    numberingOf: createNumberings(database).ordinalOf,
    findKeys: (ids) => createMessageKeys(database).find(ids),
    ...options,
  });
  async function submitRun(run: Run): Promise<Acceptance[]> {
    const [answer] = await acceptor.submitRuns([run]);
    if (answer instanceof Error) throw answer;
    return answer!;
  }
  return { ...acceptor, submitRun, submit: async (submission) => (await submitRun([submission]))[0]! };
}

interface PendingSelection {
  readonly limit?: number;
  /** Returns whether to take a batch, given the number of its first message. */
  readonly isWanted?: (number: number) => boolean;
}

/** Reads the oldest pending batches like the worker. Resolves to a function that stores them. */
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
