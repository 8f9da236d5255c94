import type { MetricCatalogue } from "@confab/contracts";
import type { Metrics } from "@confab/runtime";
import type { Redis } from "ioredis";
import type { RedisConnection } from "./connections.ts";
import { serversOf } from "./servers.ts";

/** From the weakest. */
const policies = ["no", "everysec", "always"] as const;

/** A look that shows how Redis is: memory, evictions, append-only file, load; of a cluster, what its masters are together. */
export function createRedisGauges(metrics: Metrics<MetricCatalogue>, redis: RedisConnection): () => Promise<void> {
  const used = metrics.gauge("confab_redis_used_memory_bytes");
  const most = metrics.gauge("confab_redis_max_memory_bytes");
  const evicted = metrics.gauge("confab_redis_evicted_keys");
  const enabled = metrics.gauge("confab_redis_aof_enabled");
  const writeOk = metrics.gauge("confab_redis_aof_last_write_ok");
  const delayed = metrics.gauge("confab_redis_aof_delayed_fsyncs");
  const clients = metrics.gauge("confab_redis_clients");
  const commands = metrics.gauge("confab_redis_commands");
  const cpu = metrics.gauge("confab_redis_cpu_seconds");
  const fsync = metrics.gauge("confab_redis_fsync_policy");
  const inEffect = policies.map((policy) => fsync.labels({ policy }));

  return async () => {
    const servers = serversOf(redis);
    const infos = (await Promise.all(servers.map((server) => server.info()))).map(factsOf);
    const [fullest] = infos.toSorted((a, b) => fillOf(b) - fillOf(a));
    if (!fullest) return;
    used.set(fullest.number("used_memory"));
    most.set(fullest.number("maxmemory"));
    const sum = (name: string): number => infos.reduce((total, info) => total + info.number(name), 0);
    evicted.set(sum("evicted_keys"));
    delayed.set(sum("aof_delayed_fsync"));
    clients.set(sum("connected_clients"));
    commands.set(sum("total_commands_processed"));
    cpu.set(Math.max(...infos.map((info) => info.number("used_cpu_sys") + info.number("used_cpu_user"))));
    enabled.set(infos.every((info) => info.number("aof_enabled") === 1) ? 1 : 0);
    writeOk.set(infos.every((info) => info.text("aof_last_write_status") !== "err") ? 1 : 0);
    const weakest = Math.min(...(await Promise.all(servers.map(policyOf))));
    inEffect.forEach((series, strength) => {
      series.set(strength === weakest ? 1 : 0);
    });
  };
}

type Facts = ReturnType<typeof factsOf>;

function factsOf(info: string) {
  const fields = new Map(
    info.split("\r\n").flatMap((line) => {
      const colon = line.indexOf(":");
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)] as const] : [];
    }),
  );
  const text = (name: string): string => fields.get(name) ?? "";
  return { text, number: (name: string): number => Number(text(name)) };
}

function fillOf(info: Facts): number {
  return info.number("used_memory") / (info.number("maxmemory") || Infinity);
}

/** A place in `policies`; one beyond its end where the server does not tell. */
async function policyOf(server: Redis): Promise<number> {
  try {
    const [policy, appendOnly] = await Promise.all([
      server.config("GET", "appendfsync"),
      server.config("GET", "appendonly"),
    ]);
    return appendOnly[1] === "yes" ? policies.findIndex((known) => known === policy[1]) : 0;
  } catch {
    // Hosted servers forbid CONFIG.
    return policies.length;
  }
}
