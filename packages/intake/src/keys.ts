import { partitionPrefix } from "@confab/contracts";

/** How the chats are divided: `partitions` hash tags under one key prefix. */
export interface Partitioning {
  prefix: string;
  partitions: number;
}

/** The prefix of every key of a partition, including the colon. */
export function keyPrefix(partitioning: Partitioning, partition: number): string {
  return `${partitionPrefix(partitioning.prefix, partition)}:`;
}

/** The partition of a chat: FNV-1a of token and number, so that every process computes the same one. */
export function partitionOf(partitioning: Partitioning, token: string, chat: number): number {
  if (partitioning.partitions === 1) return 0;
  let hash = 0x811c9dc5;
  for (const unit of Buffer.from(`${token}:${chat}`)) hash = Math.imul(hash ^ unit, 0x01000193) >>> 0;
  return hash % partitioning.partitions;
}
