import type { MetricCatalogue } from "@confab/contracts";
import type { Metrics } from "@confab/runtime";
import type { RedisConnection } from "./connections.ts";
import { appendOnlyFileOf, parseInfo, fsyncPolicies, type RedisInfo } from "./redis-info.ts";
import { serversOf } from "./servers.ts";

/**
 * Creates the gauges of Redis' memory, evictions, append-only file and load, and returns the function that updates
 * them. For a cluster they combine all masters.
 */
export function createRedisGauges(metrics: Metrics<MetricCatalogue>, redis: RedisConnection): () => Promise<void> {
  const used = metrics.gauge("confab_redis_used_memory_bytes");
  const maximum = metrics.gauge("confab_redis_max_memory_bytes");
  const evicted = metrics.gauge("confab_redis_evicted_keys");
  const enabled = metrics.gauge("confab_redis_aof_enabled");
  const writeOk = metrics.gauge("confab_redis_aof_last_write_ok");
  const delayed = metrics.gauge("confab_redis_aof_delayed_fsyncs");
  const clients = metrics.gauge("confab_redis_clients");
  const commands = metrics.gauge("confab_redis_commands");
  const cpu = metrics.gauge("confab_redis_cpu_seconds");
  const fsync = metrics.gauge("confab_redis_fsync_policy");

  return async () => {
    const servers = serversOf(redis);
    const infos = (await Promise.all(servers.map((server) => server.info()))).map(parseInfo);
    const [fullest] = infos.toSorted((a, b) => fillOf(b) - fillOf(a));
    if (!fullest) return;
    used.set(fullest.number("used_memory"));
    maximum.set(fullest.number("maxmemory"));
    const sum = (name: string): number => infos.reduce((total, info) => total + info.number(name), 0);
    evicted.set(sum("evicted_keys"));
    delayed.set(sum("aof_delayed_fsync"));
    clients.set(sum("connected_clients"));
    commands.set(sum("total_commands_processed"));
    cpu.set(Math.max(...infos.map((info) => info.number("used_cpu_sys") + info.number("used_cpu_user"))));
    enabled.set(infos.every((info) => info.number("aof_enabled") === 1) ? 1 : 0);
    writeOk.set(infos.every((info) => info.text("aof_last_write_status") !== "err") ? 1 : 0);
    const files = await Promise.all(servers.map(appendOnlyFileOf));
    const weakest = fsyncPolicies.find((policy) => files.some((file) => file?.policy === policy));
    for (const policy of fsyncPolicies) fsync.labels({ policy }).set(policy === weakest ? 1 : 0);
  };
}

function fillOf(info: RedisInfo): number {
  return info.number("used_memory") / (info.number("maxmemory") || Infinity);
}
