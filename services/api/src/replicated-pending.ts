import { partitionPrefix, createReplicatedRead, type RedisConnection, type Replication } from "@confab/redis";
import { partitionOf, type Partitioning, type PendingMessages } from "@confab/pending";

/**
 * Returns `pending` with a `read` that rejects if too few replicas have the read messages. Readers then never see a
 * message that a failover could undo.
 */
export function readReplicated(
  pending: PendingMessages,
  redis: RedisConnection,
  partitioning: Partitioning,
  replication: Replication,
): PendingMessages {
  const reads = Array.from({ length: partitioning.partitions }, (_, partition) =>
    createReplicatedRead(redis, `${partitionPrefix(partitioning.prefix, partition)}:pending:replicated`, replication),
  );
  return {
    ...pending,
    read: (chat, numbers) =>
      reads[partitionOf(partitioning, chat.token, chat.number)]!(
        () => pending.read(chat, numbers),
        ({ messages }) => messages.size > 0,
      ),
  };
}
