import type { ChainableCommander } from "ioredis";
import type { RedisConnection } from "./connections.ts";

/** Too few replicas have the write, so a crash or demotion of the master could undo it. */
export class ReplicasMissing extends Error {
  override readonly name = "ReplicasMissing";
}

export interface Replication {
  readonly replicas: number;
  readonly timeoutMs: number;
}

/**
 * Makes `exec` of a pipeline reject unless this number of replicas has received everything that the server has written
 * so far. Replicas that always flush have also flushed it. The check itself writes to `key`. After a rejection, the
 * outcome is unknown, because the master keeps the write. Later commands on the connection also wait.
 */
export function withReplicas<Pipeline extends ChainableCommander>(
  pipeline: Pipeline,
  key: string,
  { replicas, timeoutMs }: Replication,
): Pipeline {
  const exec = pipeline.exec.bind(pipeline);
  const execReplicated: Pipeline["exec"] = async () => {
    // WAIT only considers writes of this connection, but an answer may depend on a write of another connection.
    pipeline.set(key, "1").wait(replicas, timeoutMs);
    const results = await exec();
    if (!results) throw new Error("The pipeline was discarded");
    for (const [error] of results) if (error) throw error;
    const reached = Number(results.at(-1)?.[1]);
    if (reached < replicas) {
      throw new ReplicasMissing(`${reached} of ${replicas} replicas received a write within ${timeoutMs} ms`);
    }
    return results.slice(0, -2);
  };
  pipeline.exec = execReplicated;
  return pipeline;
}

/**
 * Creates a function that returns the result of `read` once this number of replicas has received the underlying data.
 * Without this check, a master that does not know that it was replaced could show data that its successor never had.
 * Does not wait if `needsReplicas` returns false. Calls that arrive during a check share the next one. Rejects with
 * ReplicasMissing.
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
    if (connected !== before)
      throw new ReplicasMissing("The connection was replaced between the read and the check of the replicas");
    return result;
  };
}
