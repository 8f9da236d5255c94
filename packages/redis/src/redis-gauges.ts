import type { MetricCatalogue } from "@confab/metrics";
import { createSnapshot, type ShareSnapshot } from "@confab/async";
import type { Metrics } from "@confab/runtime";
import type { Redis } from "ioredis";
import type { RedisConnection } from "./connections.ts";
import { createServerTotals } from "./server-totals.ts";
import { appendOnlyFileOf, parseInfo, fsyncPolicies, type RedisInfo } from "./redis-info.ts";
import { serversOf } from "./servers.ts";

/**
 * Exports the memory, append-only file, connections and load of Redis. In a cluster, the memory values come from the
 * fullest master, the CPU time from the busiest one, and the other values from all masters. One process reads the
 * values for all processes. Returns the refresh function, which must be called every `intervalMs`. The gauges have no
 * values while Redis does not answer.
 */
export function createRedisGauges(
  metrics: Metrics<MetricCatalogue>,
  redis: RedisConnection,
  { intervalMs, share }: { intervalMs: number; share: ShareSnapshot },
): () => Promise<void> {
  const evicted = metrics.counter("confab_redis_evicted_keys_total");
  const delayed = metrics.counter("confab_redis_aof_delayed_fsyncs_total");
  const cpu = metrics.counter("confab_redis_cpu_seconds_total");
  const totals = createServerTotals();
  const read = share("redis", intervalMs, () => readServers(serversOf(redis)));
  const snapshot = createSnapshot(async () => {
    const values = await read();
    if (values === undefined) return undefined;
    const grown = totals.increasesOf(values.totals);
    evicted.inc(grown.reduce((sum, server) => sum + server.evicted, 0));
    delayed.inc(grown.reduce((sum, server) => sum + server.delayed, 0));
    cpu.inc(Math.max(0, ...grown.map((server) => server.cpu)));
    return values;
  }, intervalMs);

  const gauges = {
    confab_redis_used_memory_bytes: "used",
    confab_redis_max_memory_bytes: "limit",
    confab_redis_aof_enabled: "aofEnabled",
    confab_redis_aof_last_write_ok: "lastWriteOk",
    confab_redis_clients: "clients",
  } as const;
  for (const [gauge, field] of Object.entries(gauges) as [keyof typeof gauges, keyof ReturnType<typeof stateOf>][]) {
    metrics.gauge(gauge).onScrape(() => snapshot.current()?.[field]);
  }
  for (const policy of fsyncPolicies) {
    metrics
      .gauge("confab_redis_fsync_policy")
      .labels({ policy })
      .onScrape(() => {
        const current = snapshot.current();
        return current && Number(current.fsync === policy);
      });
  }
  metrics.gauge("confab_snapshot_age_seconds").labels({ snapshot: "redis" }).onScrape(snapshot.ageSeconds);
  return snapshot.refresh;
}

async function readServers(servers: readonly Redis[]) {
  const infos = (await Promise.all(servers.map((server) => server.info()))).map(parseInfo);
  return {
    ...stateOf(infos),
    fsync: await weakestPolicy(servers),
    totals: infos.map((info, at) => ({ server: serverOf(servers[at]!, info), ...totalsOf(info) })),
  };
}

function stateOf(infos: readonly RedisInfo[]) {
  const fillOf = (info: RedisInfo): number => info.number("used_memory") / (info.number("maxmemory") || Infinity);
  const [fullest] = infos.toSorted((a, b) => fillOf(b) - fillOf(a));
  if (!fullest) throw new Error("no master of Redis is known");
  return {
    used: fullest.number("used_memory"),
    limit: fullest.number("maxmemory"),
    clients: infos.reduce((sum, info) => sum + info.number("connected_clients"), 0),
    aofEnabled: Number(infos.every((info) => info.number("aof_enabled") === 1)),
    lastWriteOk: Number(infos.every((info) => info.text("aof_last_write_status") !== "err")),
  };
}

function totalsOf(info: RedisInfo) {
  return {
    evicted: info.number("evicted_keys"),
    delayed: info.number("aof_delayed_fsync"),
    cpu: info.number("used_cpu_sys") + info.number("used_cpu_user"),
  };
}

/** Returns a name for a server. The name changes when the server restarts, because its totals then begin at 0. */
function serverOf({ options }: Redis, info: RedisInfo): string {
  return `${options.host ?? ""}:${options.port ?? ""} ${info.text("run_id")}`;
}

async function weakestPolicy(servers: readonly Redis[]) {
  const files = await Promise.all(servers.map(appendOnlyFileOf));
  return fsyncPolicies.find((policy) => files.some((file) => file?.policy === policy));
}
