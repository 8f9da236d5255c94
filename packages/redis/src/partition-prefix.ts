/**
 * Returns the prefix of all keys of a partition, including BullMQ's. The braces are a Redis Cluster hash tag, so that
 * the numbering, the pending records and the queue of a chat are in one slot.
 */
export function partitionPrefix(prefix: string, partition: number): string {
  return `${prefix}:{p${partition}}`;
}
