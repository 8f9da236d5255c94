import { confab } from "../designs/confab.ts";
import { sticksOf } from "../designs/stick.ts";
import { prepareRequests } from "../load/messages.ts";
import { runOpenLoop } from "../load/open-loop.ts";
import { faultsOfCount } from "../verify.ts";
import { withStores, type World } from "../world.ts";
import type { Design } from "../designs/design.ts";
import type { Measured, Row, Settings, Side } from "./row.ts";

/** Rates to measure, in requests per second. */
export const rates = [500, 2_000, 5_000] as const;
export const percentiles = ["p50", "p99", "p99.9"] as const;
const connections = 256;
const warmUpSeconds = 5;

export const latencyRow: Row = {
  name: "latency",
  title: "Latency at fixed rates, counted from the scheduled time",
  sides: (world) => [...sticksOf(world), confab].map(sideOf),
  goals: [],
};

/** Returns the name of a latency figure of this row. */
export function latencyFigure(percentile: (typeof percentiles)[number], rate: number): string {
  return `${percentile} at ${rate.toLocaleString("en")} requests/s, ms`;
}

function sideOf(design: Design): Side {
  return { name: design.name, measure: (world, settings) => measureLatency(world, settings, design) };
}

async function measureLatency(world: World, { seconds }: Settings, design: Design): Promise<Measured> {
  return withStores(world, "always", async (stores) => {
    const { target, requests } = await prepareRequests(world, stores);
    const ingest = await design.startIngest(stores);
    try {
      const load = { port: Number(new URL(ingest.url).port), path: "/messages", requests, connections, expected: 201 };
      const warmUp = await runOpenLoop({ ...load, rate: rates[1], seconds: warmUpSeconds });
      const results = [];
      for (const rate of rates) results.push({ rate, ...(await runOpenLoop({ ...load, rate, seconds })) });
      await ingest.stop();
      const all = [warmUp, ...results];
      const answered = all.reduce((total, result) => total + result.answered, 0);
      const held = await design.readHeld(stores, target);
      const figures = results.flatMap(({ rate, p50, p99, p999, lateP99 }) => [
        [latencyFigure("p50", rate), p50],
        [latencyFigure("p99", rate), p99],
        [latencyFigure("p99.9", rate), p999],
        [`sent late at ${rate.toLocaleString("en")} requests/s, p99, ms`, lateP99],
      ]);
      return {
        figures: Object.fromEntries(figures) as Record<string, number>,
        faults: [...all.flatMap(({ faults }) => faults), ...held.faults, ...faultsOfCount(held.messages, answered, 0)],
      };
    } finally {
      await ingest.stop();
    }
  });
}
