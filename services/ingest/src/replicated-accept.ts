import type { IntakeRedis } from "@confab/intake";
import { withReplicas, type Replication } from "@confab/queue";
import type { ChainableCommander } from "ioredis";

type Accept = Pick<IntakeRedis, "confabAccept">;

/**
 * Accepting as a connection does, answered only once so many replicas have the batch; rejects where they do not have it in time,
 * which leaves the outcome unknown.
 */
export function acceptReplicated(redis: IntakeRedis, replication: Replication): Accept {
  return {
    async confabAccept(...args) {
      // Beside the keys of the batch's partition.
      const key = `${args[0]}:replicated`;
      const pipeline = redis.pipeline() as ChainableCommander & Record<keyof Accept, (...args: unknown[]) => unknown>;
      pipeline.confabAccept(...args);
      const results = await withReplicas(pipeline, key, replication).exec();
      return String(results![0]![1]);
    },
  };
}
