import { partitionPrefix } from "@confab/redis";

/** How the chats are divided: `partitions` hash tags under one key prefix. */
export interface Partitioning {
  readonly prefix: string;
  readonly partitions: number;
}

/** Returns the prefix of every key of a partition, including the colon. */
export function keyPrefix(partitioning: Partitioning, partition: number): string {
  return `${partitionPrefix(partitioning.prefix, partition)}:`;
}

/** Returns the partition of a chat, which every process computes alike. */
export function partitionOf(partitioning: Partitioning, token: string, chat: number): number {
  return partitioning.partitions === 1 ? 0 : nameHash(token, chat) % partitioning.partitions;
}

/**
 * Returns a hash of a chat's token and number in 32 bits, like FNV-1a with the number as one unit. Each bit of the name
 * changes it.
 */
export function nameHash(token: string, chat: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < token.length; at++) hash = Math.imul(hash ^ token.charCodeAt(at), 0x01000193);
  return Math.imul(hash ^ chat, 0x01000193) >>> 0;
}
