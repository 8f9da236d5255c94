import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { metricCatalogue } from "@confab/metrics";
import { createMetrics } from "@confab/runtime";
import { eventually, startRedis, type ServerHandle } from "@confab/testkit";
import { expect } from "chai";
import { Redis } from "ioredis";
import { createRedisGauges } from "../src/index.ts";

describe("the metrics of Redis", () => {
  let folder: string;
  let server: ServerHandle;
  let redis: Redis;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-gauges-"));
    server = await startRedis({ dir: folder });
    redis = new Redis(server.url);
    redis.on("error", () => undefined);
  });
  afterEach(async () => {
    redis.disconnect();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const watch = () => {
    const metrics = createMetrics(metricCatalogue, "test");
    const refresh = createRedisGauges(metrics, redis, {
      intervalMs: 60_000,
      share: (_name, _intervalMs, read) => read,
    });
    const read = async (name: string): Promise<number | undefined> => {
      const text = await metrics.registry.getSingleMetricAsString(name);
      const value = new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, "m").exec(text)?.[1];
      return value === undefined ? undefined : Number(value);
    };
    return { refresh, read };
  };

  async function evict(): Promise<void> {
    await redis.config("SET", "maxmemory-policy", "allkeys-lru");
    for (let at = 0; at < 50; at += 1) await redis.set(`key ${at}`, "x".repeat(10_000));
    const used = Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);
    await redis.config("SET", "maxmemory", String(used - 100_000));
    await redis.set("one more", "x");
    await redis.config("SET", "maxmemory", "0");
  }

  it("count evicted keys from the first read on, through a reset of its statistics and a restart", async () => {
    await evict();
    const { refresh, read } = watch();
    await refresh();
    expect(await read("confab_redis_evicted_keys_total"), "before this process watched").to.equal(0);
    await evict();
    await refresh();
    const first = (await read("confab_redis_evicted_keys_total"))!;
    expect(first).to.be.greaterThan(0);
    await redis.config("RESETSTAT");
    await refresh();
    expect(await read("confab_redis_evicted_keys_total")).to.equal(first);
    await evict();
    await refresh();
    const second = (await read("confab_redis_evicted_keys_total"))!;
    expect(second).to.be.greaterThan(first);
    await server.stop();
    await server.start();
    await eventually(refresh);
    expect(await read("confab_redis_evicted_keys_total")).to.equal(second);
  });

  it("count processor time, which never falls", async () => {
    const { refresh, read } = watch();
    await refresh();
    const end = performance.now() + 200;
    while (performance.now() < end) await redis.eval("local n = 0; for i = 1, 1e5 do n = n + i end; return n", 0);
    await refresh();
    const used = (await read("confab_redis_cpu_seconds_total"))!;
    expect(used).to.be.within(0.02, 5);
    await redis.config("RESETSTAT");
    await refresh();
    expect(await read("confab_redis_cpu_seconds_total")).to.be.at.least(used);
  });

  it("show memory and the append-only file, and keep the age of what was read", async () => {
    const { refresh, read } = watch();
    expect(await read("confab_redis_used_memory_bytes")).to.equal(undefined);
    await refresh();
    expect(await read("confab_redis_used_memory_bytes")).to.be.greaterThan(100_000);
    expect(await read("confab_redis_aof_last_write_ok")).to.equal(1);
    expect(await read("confab_snapshot_age_seconds")).to.be.within(0, 5);
  });
});
