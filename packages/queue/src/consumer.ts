import { partitionPrefix, queues, type QueueName } from "@confab/contracts";
import { UnrecoverableError, Worker } from "bullmq";
import type { RedisConnection } from "./connections.ts";
import type { Logger } from "pino";
import type { z } from "zod";

export interface ConsumerOptions<Name extends QueueName> {
  queue: Name;
  connection: RedisConnection;
  prefix: string;
  partition: number;
  /** Maximum number of jobs that run at once. */
  concurrency: number;
  handle: (payload: z.infer<(typeof queues)[Name]["schema"]>) => Promise<void>;
  logger: Logger;
  /** Called at the end of each job. */
  onEnd?: (queue: Name, outcome: JobOutcome) => void;
  lockMs?: number;
  stalledCheckMs?: number;
}

/** A job is stalled if its worker died or hung. Another worker takes it. */
export type JobOutcome = "completed" | "failed" | "stalled";

export interface Consumer {
  /** Takes no further jobs and waits for the running ones. */
  stop(): Promise<void>;
  /**
   * Closes at once, without calls to Redis. Running jobs continue, and other workers take them after their locks have
   * expired.
   */
  abandon(): void;
}

/**
 * Processes the queue of one partition. A job whose payload does not match the schema fails at once. Other errors are
 * retried.
 */
export function createConsumer<Name extends QueueName>(options: ConsumerOptions<Name>): Consumer {
  const {
    queue,
    connection,
    prefix,
    partition,
    concurrency,
    handle,
    logger,
    onEnd,
    lockMs = 15_000,
    stalledCheckMs = 5000,
  } = options;
  const { name, schema } = queues[queue];
  const worker = new Worker(
    name,
    async (job) => {
      const payload = schema.safeParse(job.data);
      if (!payload.success)
        throw new UnrecoverableError(`The payload does not match the queue's schema: ${payload.error.message}`);
      await handle(payload.data as z.infer<(typeof queues)[Name]["schema"]>);
    },
    {
      connection,
      prefix: partitionPrefix(prefix, partition),
      concurrency,
      lockDuration: lockMs,
      stalledInterval: stalledCheckMs,
      // A job is only a wake-up and safe to repeat, so it must not fail because its workers died several times.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 1000 },
      skipVersionCheck: true,
      // BullMQ's default is 15 s. During that time no jobs would be taken although Redis is available again.
      runRetryDelay: 1000,
    },
  );
  worker.on("completed", () => onEnd?.(queue, "completed"));
  worker.on("failed", (job, error) => {
    onEnd?.(queue, "failed");
    logger.warn({ err: error, queue: name, job: job?.id, attempts: job?.attemptsMade }, "job failed");
  });
  worker.on("stalled", (job) => {
    onEnd?.(queue, "stalled");
    logger.warn({ queue: name, job }, "job stalled: the worker that had it died or hung");
  });
  worker.on("error", (error) => {
    logger.warn({ err: error, queue: name }, "queue unavailable");
  });
  return {
    async stop() {
      await worker.close();
    },
    abandon() {
      worker.close(true).catch((error: unknown) => {
        logger.warn({ err: error, queue: name }, "abandoned consumer did not close");
      });
    },
  };
}
