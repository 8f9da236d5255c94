import { setTimeout as sleep } from "node:timers/promises";
import { createDeadLetters, type Database } from "@confab/database";
import { eventually, type ServerHandle } from "@confab/testkit";
import type { Redis } from "ioredis";
import type { Installation } from "../installation.ts";
import type { Load } from "./load.ts";

export interface FaultWorld {
  readonly installation: Installation;
  readonly elasticsearch: ServerHandle;
  readonly redis: Redis;
  readonly database: Database;
  readonly load: Load;
}

export interface Fault {
  /** What is done to the installation. */
  readonly what: string;
  /** What must fire: the alerts' names, with the window or the store where there are several of a name. */
  readonly alerts: readonly string[];
  cause(world: FaultWorld): Promise<void>;
  /** Goes on while the alerts are waited for, until `ended` says so. */
  feed?(world: FaultWorld, ended: AbortSignal): Promise<void>;
  readonly mended: string;
  mend(world: FaultWorld): Promise<void>;
}

const trigger = "confab_refuse_poison";

export const faults: readonly Fault[] = [
  {
    what: "The only worker ends while messages come in; ten workers of ten are wanted",
    alerts: ["ConfabTargetDown worker", "ConfabOldestPendingTooOld", "ConfabQueueGrowing", "ConfabWorkersAtMax"],
    async cause({ installation }) {
      installation.kubernetes.state.workersWanted = 10;
      await installation.services.worker.stop();
    },
    async feed({ load }, ended) {
      while (!ended.aborted) {
        await load.send(500);
        await sleep(1_000);
      }
    },
    mended: "A worker starts",
    async mend({ installation }) {
      installation.kubernetes.state.workersWanted = 2;
      await installation.services.worker.start();
    },
  },
  {
    what: "The database refuses a message (a trigger)",
    alerts: ["ConfabMessagesDeadLettered"],
    async cause({ database, load }) {
      await database.prisma.$executeRawUnsafe(
        `CREATE TRIGGER ${trigger} BEFORE INSERT ON messages FOR EACH ROW BEGIN IF NEW.body = 'poison' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no poison'; END IF; END`,
      );
      await load.send(3, "poison");
    },
    mended: "The trigger is dropped, the dead letters are restored",
    async mend({ database }) {
      await database.prisma.$executeRawUnsafe(`DROP TRIGGER ${trigger}`);
      const letters = createDeadLetters(database);
      for (const { id } of (await letters.list({ limit: 100 })).items) await letters.restore(id);
    },
  },
  {
    what: "Elasticsearch ends; searches are answered with 503",
    alerts: [
      "ConfabStoreUnreachable search",
      "ConfabErrorBudgetBurn 1h",
      "ConfabErrorBudgetBurn 6h",
      "ConfabErrorBudgetBurn 1d",
      "ConfabErrorBudgetBurn 3d",
      "ConfabSearchLagHigh",
    ],
    cause: ({ elasticsearch }) => elasticsearch.stop(),
    mended: "Elasticsearch starts",
    mend: ({ elasticsearch }) => elasticsearch.start(),
  },
  {
    what: "Redis answers late (CLIENT PAUSE)",
    alerts: ["ConfabLatencyBudgetBurn 1h", "ConfabLatencyBudgetBurn 6h"],
    cause: () => Promise.resolve(),
    async feed({ redis, load }, ended) {
      while (!ended.aborted) {
        await Promise.all([redis.client("PAUSE", 500, "ALL"), ...Array.from({ length: 20 }, () => load.send(1))]);
      }
    },
    mended: "It answers at once",
    mend: () => Promise.resolve(),
  },
  {
    what: "Redis loses everything (FLUSHALL)",
    alerts: ["ConfabHeadsReseeded"],
    async cause({ redis, database, load }) {
      // What is pending would be lost, and that is another matter.
      await eventually(
        async () => {
          const { pending } = await pendingOf(redis);
          if (pending > 50) throw new Error(`${pending} messages are pending`);
          await database.ping();
        },
        { timeoutMs: 120_000, intervalMs: 100 },
      );
      await redis.flushall();
      await load.send(load.chats);
    },
    mended: "Each chat has been written to again",
    mend: () => Promise.resolve(),
  },
  {
    what: "maxmemory is lowered until 55 % of it are used",
    alerts: ["ConfabRedisMemoryHigh"],
    async cause({ redis }) {
      const used = Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);
      await redis.config("SET", "maxmemory", String(Math.round(used / 0.55)));
    },
    mended: "maxmemory is raised again",
    async mend({ redis }) {
      await redis.config("SET", "maxmemory", "256mb");
    },
  },
  {
    what: "The append-only file is switched off",
    alerts: ["ConfabRedisAofFailing"],
    async cause({ redis }) {
      await redis.config("SET", "appendonly", "no");
    },
    mended: "It is switched on",
    async mend({ redis }) {
      await redis.config("SET", "appendonly", "yes");
    },
  },
  {
    what: "Redis may evict, and its memory is full",
    alerts: ["ConfabRedisEvicting"],
    async cause({ redis }) {
      for (let at = 0; at < 50; at += 1) await redis.set(`elsewhere:${at}`, "x".repeat(10_000));
      const used = Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);
      // They are the first to go, so that what is shown is the alert and not a loss of messages.
      for (let at = 0; at < 50; at += 1) await redis.expire(`elsewhere:${at}`, 30);
      await redis.config("SET", "maxmemory-policy", "volatile-ttl");
      await redis.config("SET", "maxmemory", String(used - 100_000));
      await redis.set("elsewhere:last", "x", "EX", 30);
    },
    mended: "noeviction, more memory, CONFIG RESETSTAT",
    async mend({ redis }) {
      await redis.config("SET", "maxmemory-policy", "noeviction");
      await redis.config("SET", "maxmemory", "256mb");
      await redis.config("RESETSTAT");
    },
  },
  {
    what: "A Job's figures say that the migration failed, a disk's that 5 % are free",
    alerts: ["ConfabMigrationFailed", "ConfabDiskFillingUp"],
    cause({ installation: { kubernetes } }) {
      kubernetes.state.migrationFailed = true;
      kubernetes.state.diskFree = 5;
      return Promise.resolve();
    },
    mended: "They say that all is well",
    mend({ installation: { kubernetes } }) {
      kubernetes.state.migrationFailed = false;
      kubernetes.state.diskFree = 60;
      return Promise.resolve();
    },
  },
  {
    what: "A count is changed by hand, and a worker looks (it does when it starts, and each five minutes)",
    alerts: ["ConfabCountsWrong messages_count"],
    async cause({ database, installation }) {
      await database.prisma.$executeRaw`UPDATE chats SET messages_count = messages_count + 7`;
      await installation.services.worker.stop();
      await installation.services.worker.start();
    },
    mended: "The count is corrected",
    async mend({ database }) {
      await database.prisma.$executeRaw`UPDATE chats SET messages_count = messages_count - 7`;
    },
  },
];

async function pendingOf(redis: Redis): Promise<{ pending: number }> {
  return { pending: Number(await redis.get("confab:{p0}:pending")) };
}
