import type { ScriptedRedis } from "@confab/pending";
import { withReplicas, type Replication } from "@confab/redis";
import type { ChainableCommander } from "ioredis";

type Accept = Pick<ScriptedRedis, "confabAccept">;

/**
 * Returns the same connection, whose accept script is answered only when enough replicas have the batch. Rejects if
 * they do not have it in time; then the outcome is unknown.
 */
export function acceptReplicated(redis: ScriptedRedis, replication: Replication): Accept {
  return {
    async confabAccept(...args) {
      // In the slot of the batch's partition.
      const key = `${args[0]}:replicated`;
      const pipeline = redis.pipeline() as ChainableCommander & Record<keyof Accept, (...args: unknown[]) => unknown>;
      pipeline.confabAccept(...args);
      const results = await withReplicas(pipeline, key, replication).exec();
      return String(results![0]![1]);
    },
  };
}
