import { readFileSync } from "node:fs";
import type { ChainableCommander, Cluster, Redis } from "ioredis";

const source = (specifier: string): string => readFileSync(new URL(import.meta.resolve(specifier)), "utf8");

/** A connection, or a pipeline of it, that knows the scripts; each takes its one key first. */
export interface Scripts<Result> {
  confabAccept(key: string, ...args: (string | number)[]): Result;
  confabComplete(key: string, ...args: (string | number)[]): Result;
}

/** To one server or to a cluster. */
export type RedisConnection = Redis | Cluster;
export type IntakeRedis = RedisConnection & Scripts<Promise<string | number>>;
export type IntakePipeline = ChainableCommander & Scripts<ChainableCommander>;

/** Teaches a connection the scripts; harmless to repeat. */
export function withScripts(redis: RedisConnection): IntakeRedis {
  redis.defineCommand("confabAccept", { numberOfKeys: 1, lua: source("#lua/accept") });
  redis.defineCommand("confabComplete", { numberOfKeys: 1, lua: source("#lua/complete") });
  return redis as IntakeRedis;
}
