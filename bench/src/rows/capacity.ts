import { setTimeout as sleep } from "node:timers/promises";
import { startService } from "../services.ts";
import { startConfabWorker } from "../designs/confab.ts";
import { environmentOf } from "../designs/design.ts";
import { prepareRequests } from "../load/messages.ts";
import { runOpenLoop } from "../load/open-loop.ts";
import { cpuFiguresOf, watchCpu } from "../processes.ts";
import { countOf, countStored, faultsOfCount, readStored } from "../verify.ts";
import { withStores, type World } from "../world.ts";
import type { Measured, Row, Settings, Side } from "./row.ts";

/** Rates to measure, in messages per second. */
const rates = [250, 1_000, 2_000, 4_000, 6_000, 8_000];
/** Rates at which the costs are checked. The costs are computed from the other rates. */
export const checkedRates: readonly number[] = [2_000, 6_000];
export const batchFigure = "messages per batch";
const connections = 256;
const warmUpSeconds = 3;
const limitMs = 60_000;

export const capacityRow: Row = {
  name: "capacity",
  title: "CPU time of each process at fixed rates, from POST to stored",
  sides: () => rates.map(sideOf),
  goals: [],
};

/** Returns the rate of the side with this name. */
export function rateOf(side: string): number {
  return Number(side.replace(/\D/g, ""));
}

function sideOf(rate: number): Side {
  return { name: `${rate.toLocaleString("en")}/s`, measure: (world, settings) => measureRate(world, settings, rate) };
}

async function measureRate(world: World, { seconds }: Settings, rate: number): Promise<Measured> {
  return withStores(world, "always", async (stores) => {
    const { target, requests } = await prepareRequests(world, stores);
    const [ingest, worker] = await Promise.all([
      startService("ingest", { ...environmentOf(stores), RATE_LIMITS: "off" }),
      startConfabWorker(stores),
    ]);
    try {
      const load = { port: Number(new URL(ingest.url).port), path: "/messages", requests, connections, expected: 201 };
      const warmUp = await runOpenLoop({ ...load, rate, seconds: warmUpSeconds });
      const { redis, mysql } = stores.pids;
      const cpu = watchCpu({ ingest: [ingest.pid], worker: [worker.pid], Redis: [redis], MySQL: [mysql] });
      const before = await batchesOf(ingest.adminUrl);
      const measured = await runOpenLoop({ ...load, rate, seconds });
      const used = cpu();
      const batches = (await batchesOf(ingest.adminUrl)) - before;
      const answered = warmUp.answered + measured.answered;
      const deadline = performance.now() + limitMs;
      while ((await countStored(stores.database, target.token)) < answered && performance.now() < deadline) {
        await sleep(50);
      }
      const stored = await readStored(stores, target);
      return {
        figures: {
          ...cpuFiguresOf(used, "message", measured.answered),
          [batchFigure]: measured.answered / batches,
        },
        faults: [
          ...warmUp.faults,
          ...measured.faults,
          ...stored.faults,
          ...faultsOfCount(countOf(stored), answered, 0),
        ],
      };
    } finally {
      await Promise.all([ingest.stop(), worker.stop()]);
    }
  });
}

/** Returns how many batches an ingest process has sent to Redis. */
async function batchesOf(adminUrl: string): Promise<number> {
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  return Number(/^confab_accept_batch_size_count(?:\{[^}]*\})? (\d+)/m.exec(metrics)?.[1]);
}
