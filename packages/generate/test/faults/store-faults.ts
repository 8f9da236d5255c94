import { eventually } from "@confab/testkit";
import type { Redis } from "ioredis";
import type { Fault } from "./fault.ts";

const usedMemory = async (redis: Redis): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);

async function fillTo(redis: Redis, part: number): Promise<void> {
  await redis.config("SET", "maxmemory", String(Math.round((await usedMemory(redis)) / part)));
}

/** Returns a function that changes a setting of the running Redis. */
const configured = (setting: string, value: string) => async (world: { redis: Redis }) => {
  await world.redis.config("SET", setting, value);
};
const resetMemory = configured("maxmemory", "256mb");

export const redisFaults: readonly Fault[] = [
  {
    what: "Redis answers late (CLIENT PAUSE)",
    alerts: ["ConfabLatencyBudgetBurn 1h", "ConfabLatencyBudgetBurn 6h"],
    cause: () => Promise.resolve(),
    async feed({ redis, load }, ended) {
      while (!ended.aborted) {
        await Promise.all([
          redis.client("PAUSE", 500, "ALL"),
          ...Array.from({ length: 20 }, () => load.send(1)),
          load.sendOne(),
        ]);
      }
    },
    fixedBy: "It answers at once",
  },
  {
    what: "Redis loses everything (FLUSHALL)",
    alerts: ["ConfabHeadsReseeded"],
    async cause({ redis, database, load }) {
      // Few messages may be pending, because losing them would be another fault.
      await eventually(
        async () => {
          const pending = Number(await redis.get("confab:{p0}:pending"));
          if (pending > 50) throw new Error(`${pending} messages are pending`);
          await database.ping();
        },
        { timeoutMs: 120_000, intervalMs: 100 },
      );
      await redis.flushall();
      await load.send(load.chats);
    },
    fixedBy: "Each chat has a new message",
  },
  {
    what: "maxmemory is lowered until 55 % of it is used",
    alerts: ["ConfabRedisMemoryHigh"],
    cause: ({ redis }) => fillTo(redis, 0.55),
    fixedBy: "maxmemory is raised again",
    fix: resetMemory,
  },
  {
    what: "maxmemory is lowered until 75 % of it is used, and messages are refused",
    alerts: ["ConfabMessageBudgetBurn 1h", "ConfabMessageBudgetBurn 6h"],
    silent: ["ConfabErrorBudgetBurn 1h", "ConfabErrorBudgetBurn 6h"],
    cause: ({ redis }) => fillTo(redis, 0.75),
    fixedBy: "maxmemory is raised again",
    fix: resetMemory,
  },
  {
    what: "The append-only file is switched off",
    alerts: ["ConfabRedisAofFailing"],
    cause: configured("appendonly", "no"),
    fixedBy: "It is switched on",
    fix: configured("appendonly", "yes"),
  },
  {
    what: "appendfsync is weaker than REDIS_DURABILITY",
    alerts: ["ConfabStoreSettingsAtRisk redis"],
    cause: configured("appendfsync", "everysec"),
    fixedBy: "appendfsync always",
    fix: configured("appendfsync", "always"),
  },
  {
    what: "Redis may evict, and its memory is full",
    alerts: ["ConfabRedisEvicting"],
    async cause({ redis }) {
      for (let at = 0; at < 50; at += 1) await redis.set(`elsewhere:${at}`, "x".repeat(10_000));
      const used = await usedMemory(redis);
      // These keys are evicted first, so that the alert fires and no message is lost.
      for (let at = 0; at < 50; at += 1) await redis.expire(`elsewhere:${at}`, 30);
      await redis.config("SET", "maxmemory-policy", "volatile-ttl");
      await redis.config("SET", "maxmemory", String(used - 100_000));
      await redis.set("elsewhere:last", "x", "EX", 30);
    },
    fixedBy: "noeviction, more memory",
    async fix({ redis }) {
      await redis.config("SET", "maxmemory-policy", "noeviction");
      await resetMemory({ redis });
    },
  },
];

export const otherFaults: readonly Fault[] = [
  {
    what: "Elasticsearch ends; searches are answered with 503",
    alerts: ["ConfabStoreUnreachable search"],
    silent: [
      "ConfabErrorBudgetBurn 1h",
      "ConfabErrorBudgetBurn 6h",
      "ConfabLatencyBudgetBurn 1h",
      "ConfabSearchLagHigh",
    ],
    cause: ({ elasticsearch }) => elasticsearch.stop(),
    fixedBy: "Elasticsearch starts",
    fix: ({ elasticsearch }) => elasticsearch.start(),
  },
  {
    what: "The index is read-only, as above Elasticsearch's flood-stage watermark",
    alerts: ["ConfabSearchLagHigh"],
    cause: ({ elasticsearch }) => setReadOnly(elasticsearch.url, true),
    fixedBy: "The block is removed",
    fix: ({ elasticsearch }) => setReadOnly(elasticsearch.url, null),
  },
  {
    what: "The search index is deleted",
    alerts: ["ConfabIndexRecreated"],
    async cause({ elasticsearch, load }) {
      for (const index of await indicesOf(elasticsearch.url)) await request(`${elasticsearch.url}/${index}`, "DELETE");
      await load.send(1);
    },
    fixedBy: "Nothing: the alert ends after its window",
  },
  {
    what: "MySQL's max_connections is lowered to what is in use",
    alerts: ["ConfabDatabaseConnectionsHigh"],
    async cause({ database }) {
      const [row] = await database.prisma.$queryRaw<{ Value: string }[]>`SHOW GLOBAL STATUS LIKE 'Threads_connected'`;
      const limit = Math.max(10, Math.ceil(Number(row?.Value) * 1.1));
      await database.prisma.$executeRawUnsafe(`SET GLOBAL max_connections = ${limit}`);
    },
    fixedBy: "It is raised again",
    async fix({ database }) {
      await database.prisma.$executeRawUnsafe("SET GLOBAL max_connections = 151");
    },
  },
  {
    what: "A Job reports that the migration failed, a disk that 5 % is free, the canary and the backup no success",
    alerts: ["ConfabMigrationFailed", "ConfabDiskFillingUp", "ConfabCanaryFailing", "ConfabBackupFailing"],
    cause({ installation: { kubernetes } }) {
      kubernetes.state.migrationFailed = true;
      kubernetes.state.diskFree = 5;
      kubernetes.state.canaryAge = 1_000;
      kubernetes.state.backupAge = 100_000;
      return Promise.resolve();
    },
    fixedBy: "They report that all is well",
    fix({ installation: { kubernetes } }) {
      kubernetes.state.migrationFailed = false;
      kubernetes.state.diskFree = 60;
      kubernetes.state.canaryAge = 60;
      kubernetes.state.backupAge = 60;
      return Promise.resolve();
    },
  },
];

async function indicesOf(url: string): Promise<string[]> {
  const indices = (await request(`${url}/_cat/indices/observed*?format=json`, "GET")) as { index: string }[];
  return indices.map(({ index }) => index);
}

async function setReadOnly(url: string, block: true | null): Promise<void> {
  await request(`${url}/observed*/_settings`, "PUT", { "index.blocks.read_only_allow_delete": block });
}

async function request(url: string, method: string, body?: object): Promise<unknown> {
  const answer = await fetch(url, {
    method,
    headers: { "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}
