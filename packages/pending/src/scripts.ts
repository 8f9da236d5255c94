import { readFileSync } from "node:fs";
import type { RedisConnection } from "@confab/redis";

/** The two keys that each script declares. */
export type GuardKeys = readonly [string, string];

/** The scripts as commands of a connection. */
export interface Scripts {
  confabAccept(...args: [...GuardKeys, ...(string | number)[]]): Promise<string>;
  confabComplete(
    ...args: [...GuardKeys, ...(string | number)[]]
  ): Promise<[completed: number, missing: string[], ...moved: (number | null)[]]>;
  confabReadBatches(...args: [...GuardKeys, ...(string | number)[]]): Promise<unknown>;
  /** Returns bytes, because the lengths of records are in bytes. */
  confabReadBatchesBuffer(
    ...args: [...GuardKeys, ...(string | number)[]]
  ): Promise<(Buffer | [chats: Buffer, records: Buffer, numberings: Buffer])[]>;
  confabListBatches(...args: [...GuardKeys, ...(string | number)[]]): Promise<(string | number | null)[]>;
  confabNoteWokenTogether(...args: [...GuardKeys, ...string[]]): Promise<null>;
  confabReadPending(...args: [...GuardKeys, ...(string | number)[]]): Promise<(string | number | null)[]>;
  confabRaiseHead(...args: [...GuardKeys, ...(string | number)[]]): Promise<null>;
}

export type ScriptedRedis = RedisConnection & Scripts;

/**
 * Returns the keys that every script declares for a partition. The second key never exists. While a Redis Cluster moves
 * the partition's slot, the server therefore refuses the script (ASK, then TRYAGAIN) instead of running it on a node
 * that has only some of its keys: https://redis.io/docs/latest/commands/cluster-setslot/
 */
export function guardKeys(prefix: string): GuardKeys {
  return [`${prefix}batches`, `${prefix}moving`];
}

/** The files of each script. Each file sees the locals of the files before it. */
const files = {
  confabAccept: ["accept/begin", "accept/limits", "accept/idempotency", "check-sum", "accept/messages"],
  confabComplete: ["check-sum", "complete"],
  confabReadBatches: ["read-batches"],
  confabListBatches: ["list-batches"],
  confabNoteWokenTogether: ["note-woken-together"],
  confabReadPending: ["read-pending"],
  confabRaiseHead: ["raise-head"],
} satisfies Partial<Record<keyof Scripts, string[]>>;

export type ScriptName = keyof typeof files;

/** Returns the source code of a script. */
export function sourceOf(name: ScriptName): string {
  return files[name].map((file) => readFileSync(new URL(import.meta.resolve(`#lua/${file}`)), "utf8")).join("\n");
}

/** Defines the scripts on a connection, except for those that the connection already has. */
export function withScripts(redis: RedisConnection): ScriptedRedis {
  for (const name of Object.keys(files) as ScriptName[])
    if (!(name in redis)) redis.defineCommand(name, { numberOfKeys: 2, lua: sourceOf(name) });
  return redis as ScriptedRedis;
}
