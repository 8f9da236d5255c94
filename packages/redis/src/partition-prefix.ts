/**
 * Returns the prefix of all keys of one partition, including BullMQ's. The braces are a Redis Cluster hash tag, so
 * numbering, pending records and queue of a chat are in one slot.
 */
export function partitionPrefix(prefix: string, partition: number): string {
  return `${prefix}:{p${partition}}`;
}
