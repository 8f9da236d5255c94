import { confab } from "../designs/confab.ts";
import { prepareRequests } from "../load/messages.ts";
import { runOpenLoop } from "../load/open-loop.ts";
import { memoryOf } from "../processes.ts";
import { faultsOfCount } from "../verify.ts";
import { withStores, type World } from "../world.ts";
import type { Measured, Row, Settings } from "./row.ts";

const connections = 10_000;
/** Requests per second, sent over the connections in turn. */
const rate = 1_000;
const memory = "highest resident memory, MB";

export const connectionsRow: Row = {
  name: "connections",
  title: "10,000 open connections, and 1,000 requests per second over them in turn",
  sides: () => [{ name: "Confab", measure: measureConnections }],
  goals: [
    {
      title: "resident memory with 10,000 connections, MB",
      figure: memory,
      of: "Confab",
      better: "lower",
      pass: 350,
      aim: 200,
    },
  ],
};

async function measureConnections(world: World, { seconds }: Settings): Promise<Measured> {
  return withStores(world, "always", async (stores) => {
    const { target, requests } = await prepareRequests(world, stores);
    const ingest = await confab.startIngest(stores);
    try {
      const load = await runOpenLoop({
        port: Number(new URL(ingest.url).port),
        path: "/messages",
        requests,
        expected: 201,
        connections,
        rate,
        seconds,
      });
      const { highest } = memoryOf([ingest.pid]);
      await ingest.stop();
      const held = await confab.readHeld(stores, target);
      return {
        figures: { [memory]: highest, "p50, ms": load.p50, "p99, ms": load.p99 },
        faults: [...load.faults, ...held.faults, ...faultsOfCount(held.messages, load.answered, 0)],
      };
    } finally {
      await ingest.stop();
    }
  });
}
