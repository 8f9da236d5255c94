import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceHandle } from "@confab/testkit";
import { startService } from "../services.ts";
import { Redis } from "ioredis";
import { environmentOf } from "../designs/design.ts";
import { watchCpu } from "../processes.ts";
import { queriesOf, withStores, type World } from "../world.ts";
import type { Measured, Row, Settings, Side } from "./row.ts";

/** Time in ms after the start in which each process finishes the work that it does only once. */
const settleMs = 12_000;

export const fleetRow: Row = {
  name: "fleet",
  title: "The stores' load by idle processes",
  sides: () =>
    (["worker", "ingest", "api"] as const).flatMap((service) => [1, 10].map((size) => sideOf(service, size))),
  goals: [],
};

function sideOf(service: Parameters<typeof startService>[0], size: number): Side {
  return { name: `${size} × ${service}`, measure: (world, settings) => measureFleet(world, settings, service, size) };
}

async function measureFleet(
  world: World,
  { seconds }: Settings,
  service: Parameters<typeof startService>[0],
  size: number,
): Promise<Measured> {
  return withStores(world, "always", async (stores) => {
    const started: ServiceHandle[] = [];
    const redis = new Redis(stores.redisUrl);
    try {
      const env = { ...environmentOf(stores), DATABASE_POOL_SIZE: "2", SEARCH_BACKEND: "mysql" };
      while (started.length < size) started.push(await startService(service, env));
      await sleep(settleMs);
      const cpu = watchCpu({ Redis: [stores.pids.redis], MySQL: [stores.pids.mysql] });
      const [commands, queries] = [await commandsOf(redis), await queriesOf(stores)];
      await sleep(seconds * 1000);
      const used = cpu();
      const rate = (total: number | null | undefined) => (typeof total === "number" ? total / seconds : null);
      return {
        figures: {
          "Redis commands/s": rate((await commandsOf(redis)) - commands),
          "MySQL queries/s": rate((await queriesOf(stores)) - queries),
          "Redis CPU, µs/s": rate(used.Redis),
          "MySQL CPU, µs/s": rate(used.MySQL),
        },
        faults: [],
      };
    } finally {
      redis.disconnect();
      await Promise.all(started.map((process) => process.stop()));
    }
  });
}

/** Returns the number of commands that Redis has executed, including the commands in scripts. */
async function commandsOf(redis: Redis): Promise<number> {
  const found = (await redis.info("commandstats")).matchAll(/^cmdstat_\S+?:calls=(\d+)/gm);
  return [...found].reduce((total, [, calls]) => total + Number(calls), 0);
}
