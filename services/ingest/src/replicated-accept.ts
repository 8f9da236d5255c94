import type { ScriptedRedis } from "@confab/pending";
import { withReplicas, type Replication } from "@confab/redis";
import type { ChainableCommander } from "ioredis";

type Accept = Pick<ScriptedRedis, "confabAccept">;

/**
 * Returns an accept script that resolves only when enough replicas have the batch. It rejects if they do not have it in
 * time; the outcome is then unknown.
 */
export function acceptReplicated(redis: ScriptedRedis, replication: Replication): Accept {
  return {
    async confabAccept(...args) {
      // The key is in the hash slot of the batch's partition.
      const key = `${args[0]}:replicated`;
      const pipeline = redis.pipeline() as ChainableCommander & Record<keyof Accept, (...args: unknown[]) => unknown>;
      pipeline.confabAccept(...args);
      const results = await withReplicas(pipeline, key, replication).exec();
      return String(results![0]![1]);
    },
  };
}
