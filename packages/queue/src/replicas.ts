import type { ChainableCommander } from "ioredis";
import type { RedisConnection } from "./connections.ts";

/** Too few replicas have what was written: the master's death, or its demotion, could undo it. */
export class ReplicasMissing extends Error {
  override readonly name = "ReplicasMissing";
}

export interface Replication {
  readonly replicas: number;
  readonly timeoutMs: number;
}

/**
 * A pipeline whose `exec` rejects unless so many replicas have received all that the server did until then (and flushed it, where
 * they flush always); `key` is written to. After a rejection the outcome is unknown: the master keeps what it did. The
 * connection's later commands wait as well.
 */
export function withReplicas<Pipeline extends ChainableCommander>(
  pipeline: Pipeline,
  key: string,
  { replicas, timeoutMs }: Replication,
): Pipeline {
  const exec = pipeline.exec.bind(pipeline);
  pipeline.exec = async () => {
    // WAIT looks at what this connection wrote, and what is answered may have been written by another one.
    pipeline.set(key, "1").wait(replicas, timeoutMs);
    const results = await exec();
    if (!results) throw new Error("the pipeline was discarded");
    for (const [error] of results) if (error) throw error;
    const reached = Number(results.at(-1)?.[1]);
    if (reached < replicas) {
      throw new ReplicasMissing(`${reached} of ${replicas} replicas received a write within ${timeoutMs} ms`);
    }
    return results.slice(0, -2);
  };
  return pipeline;
}

/**
 * What `read` gives, once so many replicas have it as well: a master that was replaced meanwhile, and does not know it yet, may
 * show what its successor never had. Not asked where `needsReplicas` says no. Whoever asks while a question is under way shares
 * the next one. Rejects with ReplicasMissing.
 */
export function createReplicatedRead(redis: RedisConnection, key: string, replication: Replication) {
  let connected = 0;
  redis.on("ready", () => {
    connected += 1;
  });
  let asking: Promise<unknown> = Promise.resolve();
  let next: Promise<unknown> | undefined;
  const confirm = (): Promise<unknown> =>
    (next ??= asking
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        asking = withReplicas(redis.pipeline(), key, replication).exec();
        return asking;
      }));
  return async <T>(read: () => Promise<T>, needsReplicas: (result: T) => boolean = () => true): Promise<T> => {
    const before = connected;
    const result = await read();
    if (!needsReplicas(result)) return result;
    await confirm();
    if (connected !== before) throw new ReplicasMissing("the connection was replaced between reading and asking");
    return result;
  };
}
