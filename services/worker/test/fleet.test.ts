import { setTimeout as sleep } from "node:timers/promises";
import { uniquePrefix, useForAll } from "@confab/testkit";
import { openDatabase } from "@confab/testkit/world";
import { expect } from "chai";
import { start, type Running } from "./start.ts";

const workers = 5;
const measuredMs = 4_000;

describe("a fleet of idle workers", function () {
  this.timeout(60_000);
  const fleet: Running[] = [];
  const own = useForAll(openDatabase);
  after(async () => {
    for (const worker of fleet.splice(0)) await worker.close();
  });

  /** Counts the queries to MySQL, and those to Redis that only gauges send. */
  async function questions(): Promise<{ mysql: number; gauges: number }> {
    const [row] = await own.database.prisma.$queryRaw<{ Value: string }[]>`SHOW GLOBAL STATUS LIKE 'Questions'`;
    const info = await fleet[0]!.redis.info("commandstats");
    return { mysql: Number(row?.Value), gauges: Number(/^cmdstat_lindex:calls=(\d+)/m.exec(info)?.[1] ?? 0) };
  }

  async function perSecond() {
    await sleep(1_500);
    const before = await questions();
    await sleep(measuredMs);
    const after = await questions();
    const rate = (name: keyof typeof before): number => (1000 * (after[name] - before[name])) / measuredMs;
    return { mysql: rate("mysql"), gauges: rate("gauges") };
  }

  it("asks MySQL for work, and Redis for gauges, hardly more than one worker does", async () => {
    const env = { DATABASE_URL: own.url, REDIS_KEY_PREFIX: uniquePrefix("fleet"), SWEEP_INTERVAL: "1s" };
    const startOne = async () => {
      const worker = await start(env);
      worker.run();
      fleet.push(worker);
    };
    await startOne();
    const one = await perSecond();
    while (fleet.length < workers) await startOne();
    const all = await perSecond();
    // Each worker checks the schema every second and the settings every five seconds. A single worker sends more than
    // six queries per second.
    expect((all.mysql - one.mysql) / (workers - 1)).to.be.below(3);
    expect(one.gauges).to.be.above(0);
    expect(all.gauges).to.be.below(2 * one.gauges);
  });
});
