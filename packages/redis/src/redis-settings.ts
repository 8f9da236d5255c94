import { judgeSetting, notShown, type SettingRule, type StoreSetting } from "@confab/runtime";
import type { Redis } from "ioredis";
import type { RedisConnection } from "./connections.ts";
import {
  appendOnlyFileOf,
  parseInfo,
  fsyncPolicies,
  isDenial,
  replicasOf,
  type AppendOnlyFile,
  type FsyncPolicy,
  type RedisInfo,
} from "./redis-info.ts";
import { serversOf } from "./servers.ts";

export interface ExpectedOfRedis {
  /** The weakest flush policy that the operator accepts. */
  readonly durability: FsyncPolicy;
  /** The number of replicas that must confirm a message. */
  readonly minReplicas: number;
}

interface ServerSettings {
  /** The answer to INFO. Undefined if this user may not run INFO. */
  readonly info: RedisInfo | undefined;
  readonly file: AppendOnlyFile | undefined;
}

type Rule = SettingRule<ServerSettings>;

/**
 * Reads the settings of Redis on which the promises depend, with a verdict on each. Returns one result for a setting if
 * all masters have the same value, otherwise one result per master. Rejects if no master answers.
 */
export async function readRedisSettings(redis: RedisConnection, expected: ExpectedOfRedis): Promise<StoreSetting[]> {
  const servers = serversOf(redis);
  const reads = await Promise.allSettled(servers.map(readServer));
  const answers = servers.flatMap((server, index) => {
    const read = reads[index];
    return read?.status === "fulfilled" ? [{ server: nameOf(server), read: read.value }] : [];
  });
  if (answers.length === 0) throw new Error("No Redis master answers");
  return rulesFor(expected).flatMap((rule) => {
    const settings = answers.map(({ read }) => judgeSetting("redis", rule, read));
    const agree = new Set(settings.map(({ found }) => found)).size === 1;
    return agree ? settings.slice(0, 1) : settings.map((setting, at) => ({ ...setting, server: answers[at]!.server }));
  });
}

async function readServer(server: Redis): Promise<ServerSettings> {
  const denied = (error: unknown): undefined => {
    if (!isDenial(error)) throw error;
  };
  const [info, file] = await Promise.all([server.info().then(parseInfo, denied), appendOnlyFileOf(server)]);
  return { info, file };
}

function rulesFor({ durability, minReplicas }: ExpectedOfRedis): Rule[] {
  return [
    durabilityRule(durability),
    {
      promise: "messages are refused before Redis runs out of memory",
      setting: "maxmemory below the machine's memory",
      advice: "Set maxmemory. Without it no message is refused in time, and the kernel may kill Redis.",
      judge: ({ info }) => {
        if (!info) return notShown;
        const isLimited = info.number("maxmemory") > 0;
        return {
          found: isLimited ? info.text("maxmemory_human") : "no limit",
          verdict: isLimited ? "kept" : "at-risk",
        };
      },
    },
    {
      promise: "Redis drops no accepted message, number or idempotency key",
      setting: "maxmemory-policy noeviction",
      advice: "Set maxmemory-policy noeviction. Until then no message is accepted.",
      judge: ({ info }) => {
        if (!info) return notShown;
        const policy = info.text("maxmemory_policy");
        return { found: policy, verdict: policy === "noeviction" ? "kept" : "refused" };
      },
    },
    {
      promise: "writes go to a master",
      setting: "role master",
      advice:
        "Point REDIS_URL to the master, or set REDIS_SENTINELS to the Sentinels. During a failover this resolves itself.",
      judge: ({ info }) => {
        if (!info) return notShown;
        const isMaster = info.text("role") === "master";
        return { found: isMaster ? "master" : "replica", verdict: isMaster ? "kept" : "at-risk" };
      },
    },
    ...(minReplicas > 0 ? [replicasRule(minReplicas)] : []),
  ];
}

const losses: Record<FsyncPolicy, { promise: string; setting: string }> = {
  always: {
    promise: "an acknowledged message survives a crash of Redis and of its machine",
    setting: "appendonly yes, appendfsync always",
  },
  everysec: {
    promise: "a crash of Redis' machine loses at most about one second of acknowledged messages",
    setting: "appendonly yes, appendfsync everysec",
  },
  no: {
    promise: "none: REDIS_DURABILITY accepts that a crash loses acknowledged messages",
    setting: "any appendfsync",
  },
};

function durabilityRule(expected: FsyncPolicy): Rule {
  const strength = (policy: FsyncPolicy): number => fsyncPolicies.indexOf(policy);
  return {
    ...losses[expected],
    advice: `Set ${losses[expected].setting.replace(",", " and")}, or accept the loss with REDIS_DURABILITY.`,
    judge: ({ file }) => {
      if (!file) return notShown;
      return { found: file.text, verdict: strength(file.policy) >= strength(expected) ? "kept" : "at-risk" };
    },
  };
}

function replicasRule(wanted: number): Rule {
  return {
    promise: "a failover loses no acknowledged message",
    setting: `${wanted} connected replicas (REDIS_MIN_REPLICAS)`,
    advice: "Connect more replicas, or lower REDIS_MIN_REPLICAS. Until then sending answers 503.",
    judge: ({ info }) => {
      if (!info) return notShown;
      const count = replicasOf(info);
      return { found: `${count} connected`, verdict: count >= wanted ? "kept" : "at-risk" };
    },
  };
}

function nameOf({ options }: Redis): string {
  return `${options.host ?? ""}:${options.port ?? ""}`;
}
