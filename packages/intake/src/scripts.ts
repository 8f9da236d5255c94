import { readFileSync } from "node:fs";
import type { Cluster, Redis } from "ioredis";

const source = (specifier: string): string => readFileSync(new URL(import.meta.resolve(specifier)), "utf8");

/** The two keys that each script declares. */
export type GuardKeys = readonly [string, string];

/** The scripts as commands of a connection. */
export interface Scripts {
  confabAccept(...args: [...GuardKeys, ...(string | number)[]]): Promise<string>;
  confabComplete(...args: [...GuardKeys, ...(string | number)[]]): Promise<(string | number | null)[]>;
  confabReadBatches(...args: [...GuardKeys, ...(string | number)[]]): Promise<unknown>;
  /** As bytes, because the lengths of records are in bytes. */
  confabReadBatchesBuffer(
    ...args: [...GuardKeys, ...(string | number)[]]
  ): Promise<(Buffer | [chats: Buffer, records: Buffer, numberings: Buffer])[]>;
  confabListBatches(...args: [...GuardKeys, ...(string | number)[]]): Promise<(string | number | null)[]>;
  confabNoteWokenTogether(...args: [...GuardKeys, ...string[]]): Promise<null>;
  confabReadPending(...args: [...GuardKeys, ...(string | number)[]]): Promise<(string | number | null)[]>;
  confabRaiseHead(...args: [...GuardKeys, ...(string | number)[]]): Promise<null>;
}

/** A connection to one server or to a cluster. */
export type RedisConnection = Redis | Cluster;
export type IntakeRedis = RedisConnection & Scripts;

/**
 * The keys that every script declares for a partition. The second key never exists. While a Redis Cluster moves the
 * partition's slot, the server therefore refuses the script (ASK, then TRYAGAIN) instead of running it on a node that
 * has only some of its keys: https://redis.io/docs/latest/commands/cluster-setslot/
 */
export function guardKeys(prefix: string): GuardKeys {
  return [`${prefix}batches`, `${prefix}moving`];
}

/** Defines the scripts on a connection, except those that it has already. */
export function withScripts(redis: RedisConnection): IntakeRedis {
  const define = (name: keyof Scripts, specifier: string): void => {
    if (!(name in redis)) redis.defineCommand(name, { numberOfKeys: 2, lua: source(specifier) });
  };
  define("confabAccept", "#lua/accept");
  define("confabComplete", "#lua/complete");
  define("confabReadBatches", "#lua/read-batches");
  define("confabListBatches", "#lua/list-batches");
  define("confabNoteWokenTogether", "#lua/note-woken-together");
  define("confabReadPending", "#lua/read-pending");
  define("confabRaiseHead", "#lua/raise-head");
  return redis as IntakeRedis;
}
