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
  /** How many jobs at once. */
  concurrency: number;
  handle: (payload: z.infer<(typeof queues)[Name]["schema"]>) => Promise<void>;
  logger: Logger;
  /** Hears of each end of a job. */
  onEnd?: (queue: Name, outcome: JobOutcome) => void;
  lockMs?: number;
  stalledCheckMs?: number;
}

/** A stalled job's worker died or hung; another one works it. */
export type JobOutcome = "completed" | "failed" | "stalled";

export interface Consumer {
  /** Takes no further jobs and waits for those that run. */
  stop(): Promise<void>;
  /** Lets go at once, without asking Redis: what runs goes on, and somebody else takes its job when the lock has expired. */
  abandon(): void;
}

/** Works a queue of one partition. A payload that fails its schema goes to the failed jobs at once; other errors are retried. */
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
        throw new UnrecoverableError(`payload does not fit the queue's schema: ${payload.error.message}`);
      await handle(payload.data as z.infer<(typeof queues)[Name]["schema"]>);
    },
    {
      connection,
      prefix: partitionPrefix(prefix, partition),
      concurrency,
      lockDuration: lockMs,
      stalledInterval: stalledCheckMs,
      // A job is only a wake-up and repeating it is harmless: a worker that dies often must not make it fail.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 1000 },
      skipVersionCheck: true,
      // BullMQ's own is 15 s, in which nothing is taken although Redis is back.
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
        logger.warn({ err: error, queue: name }, "an abandoned consumer did not close");
      });
    },
  };
}
