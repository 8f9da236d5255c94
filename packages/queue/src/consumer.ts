import { queues, type QueueName } from "./queues.ts";
import { partitionPrefix, type RedisConnection } from "@confab/redis";
import { UnrecoverableError, Worker } from "bullmq";
import type { Logger } from "pino";
import type { z } from "zod";
import { batchOf } from "./job-id.ts";
import { createStalledJobs } from "./stalled-jobs.ts";

export interface ConsumerOptions<Name extends QueueName> {
  readonly queue: Name;
  readonly connection: RedisConnection;
  readonly prefix: string;
  readonly partition: number;
  /** Maximum number of jobs that run at once. */
  readonly concurrency: number;
  readonly handle: (payload: z.infer<(typeof queues)[Name]["schema"]>) => Promise<void>;
  readonly logger: Logger;
  /** Called when jobs end, with the number of jobs. */
  readonly onEnd?: (queue: Name, outcome: JobOutcome, jobs: number) => void;
}

/** How a job ended. The worker of a stalled job died or hung; another worker takes the job. */
export type JobOutcome = "completed" | "failed" | "stalled";

const maxListed = 10;

export interface Consumer {
  /** Takes no further jobs, and waits for the running ones. */
  stop(): Promise<void>;
  /**
   * Stops immediately, without using Redis. Running jobs continue, and other workers take them over when their locks
   * have expired.
   */
  abandon(): void;
}

/**
 * Takes jobs from the queue of one partition. A payload that does not match its schema fails for good. After other
 * errors, the job is retried.
 */
export function createConsumer<Name extends QueueName>(options: ConsumerOptions<Name>): Consumer {
  const { queue, connection, prefix, partition, concurrency, handle, logger, onEnd } = options;
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
      lockDuration: 15_000,
      stalledInterval: 5_000,
      // A job is only a wake-up and may be repeated, so it must not fail even if workers die often.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 1000 },
      skipVersionCheck: true,
      // With BullMQ's default of 15 s, no job would be taken for that long, although Redis already answers again.
      runRetryDelay: 1000,
    },
  );
  // Other log lines identify a job of the queue "messages" by its first batch.
  const namedBy = (id: string | undefined) => (queue === "messages" ? { batch: batchOf(id) } : { job: id });
  worker.on("completed", () => onEnd?.(queue, "completed", 1));
  worker.on("failed", (job, error) => {
    onEnd?.(queue, "failed", 1);
    logger.warn({ err: error, queue: name, ...namedBy(job?.id), attempts: job?.attemptsMade }, "job failed");
  });
  const stalled = createStalledJobs((jobs) => {
    onEnd?.(queue, "stalled", jobs.length);
    const ids = jobs.slice(0, maxListed).map(batchOf);
    logger.warn(
      { queue: name, jobs: jobs.length, [queue === "messages" ? "batches" : "job_ids"]: ids },
      "jobs stalled: their worker died or hung, and another worker takes them",
    );
  });
  worker.on("stalled", (job) => {
    stalled.add(job);
  });
  worker.on("error", (error) => {
    logger.warn({ err: error, queue: name }, "queue unavailable");
  });
  return {
    async stop() {
      await worker.close();
      stalled.flush();
    },
    abandon() {
      stalled.flush();
      worker.close(true).catch((error: unknown) => {
        logger.warn({ err: error, queue: name }, "abandoned consumer did not close");
      });
    },
  };
}
