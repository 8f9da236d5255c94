import { startService, type ServiceHandle } from "@confab/testkit";
import { Redis } from "ioredis";
import { setTimeout as sleep } from "node:timers/promises";
import { watchCpu } from "./cpu.ts";
import { fleetHelp, readFleetOptions, type FleetOptions, type ServiceName } from "./fleet-options.ts";
import { tableOf } from "./report.ts";
import { run } from "./run.ts";
import type { World } from "./world.ts";

/** The load of an idle fleet on the stores. Rates are per second, CPU is in milliseconds per second. */
interface Cost {
  readonly faults: readonly string[];
  readonly processes: number;
  readonly redisCommands: number;
  readonly redisCpu: number | null;
  readonly redisCommandsCpu: number;
  readonly mysqlQueries: number;
  readonly mysqlCpu: number | null;
  readonly byCommand: Readonly<Record<string, number>>;
}

/** Long enough for whatever runs once after a start. */
const settleMs = 12_000;

async function measureFleet(world: World, { service, sizes, seconds, env }: FleetOptions): Promise<Cost[]> {
  const redis = new Redis(world.redisUrl);
  const started: ServiceHandle[] = [];
  try {
    const costs: Cost[] = [];
    for (const size of sizes) {
      while (started.length < size) started.push(await startOne(world, service, env));
      await sleep(settleMs);
      costs.push(await measure(world, redis, size, seconds));
    }
    return costs;
  } finally {
    redis.disconnect();
    await Promise.all(started.map((process) => process.stop()));
  }
}

function startOne({ redisUrl, databaseUrl }: World, service: ServiceName, env: Readonly<Record<string, string>>) {
  const stores = { REDIS_URL: redisUrl, DATABASE_URL: databaseUrl, REDIS_KEY_PREFIX: "bench-fleet" };
  const few = { DATABASE_POOL_SIZE: "2", SEARCH_BACKEND: "mysql", LOG_LEVEL: "warn" };
  return startService(service, { ...stores, ...few, ...env });
}

async function measure(world: World, redis: Redis, processes: number, seconds: number): Promise<Cost> {
  const cpu = watchCpu(world.pids);
  const [commands, queries] = [await commandsOf(redis), await queriesOf(world)];
  await sleep(seconds * 1000);
  const [commandsAfter, queriesAfter] = [await commandsOf(redis), await queriesOf(world)];
  const used = cpu();
  const rate = (total: number): number => total / seconds;
  const cpuRate = (us: number | null | undefined): number | null => (typeof us === "number" ? rate(us / 1000) : null);
  const grown = [...commandsAfter].map(([name, after]) => {
    const before = commands.get(name) ?? { calls: 0, usec: 0 };
    return { name, calls: rate(after.calls - before.calls), usec: rate(after.usec - before.usec) };
  });
  const sum = (of: (command: (typeof grown)[number]) => number): number =>
    grown.reduce((total, one) => total + of(one), 0);
  return {
    faults: [],
    processes,
    redisCommands: sum(({ calls }) => calls),
    redisCpu: cpuRate(used.redis),
    redisCommandsCpu: sum(({ usec }) => usec) / 1000,
    mysqlQueries: rate(queriesAfter - queries),
    mysqlCpu: cpuRate(used.mysql),
    byCommand: Object.fromEntries(grown.filter(({ calls }) => calls > 0).map(({ name, calls }) => [name, calls])),
  };
}

/** Commands inside of scripts are counted, too. */
async function commandsOf(redis: Redis): Promise<Map<string, { calls: number; usec: number }>> {
  const found = (await redis.info("commandstats")).matchAll(/^cmdstat_(\S+?):calls=(\d+),usec=(\d+)/gm);
  return new Map([...found].map(([, name, calls, usec]) => [name!, { calls: Number(calls), usec: Number(usec) }]));
}

async function queriesOf({ database }: World): Promise<number> {
  const [row] = await database.prisma.$queryRaw<{ Value: string }[]>`SHOW GLOBAL STATUS LIKE 'Questions'`;
  return Number(row?.Value);
}

await run({
  help: fleetHelp,
  readOptions: readFleetOptions,
  measure: measureFleet,
  report(costs, { service }) {
    const show = (value: number | null): string => (value === null ? "–" : value.toFixed(1));
    const rows = (
      [
        ["Redis: commands per second", ({ redisCommands }) => redisCommands],
        ["Redis: CPU, ms per second", ({ redisCpu }) => redisCpu],
        ["Redis: CPU of the commands, ms per second", ({ redisCommandsCpu }) => redisCommandsCpu],
        ["MySQL: queries per second", ({ mysqlQueries }) => mysqlQueries],
        ["MySQL: CPU, ms per second", ({ mysqlCpu }) => mysqlCpu],
      ] satisfies [string, (cost: Cost) => number | null][]
    ).map(([figure, of]) => [figure, ...costs.map((cost) => show(of(cost)))]);
    const commands = [...new Set(costs.flatMap(({ byCommand }) => Object.keys(byCommand)))].sort();
    const byCommand = commands.map((name) => [name, ...costs.map(({ byCommand }) => show(byCommand[name] ?? 0))]);
    const heading = [`idle processes: ${service}`, ...costs.map(({ processes }) => String(processes))];
    return { summary: costs, table: tableOf([heading, ...rows, ...byCommand]) };
  },
});
