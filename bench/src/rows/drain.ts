import { fork } from "node:child_process";
import { once } from "node:events";
import { confab, startConfabWorker } from "../designs/confab.ts";
import { plain, startPlainWorker } from "../designs/plain.ts";
import { createTarget } from "../load/messages.ts";
import { watchCpu } from "../processes.ts";
import { withStores, type World } from "../world.ts";
import { figuresOf, measureDraining, storedFigure, workerFigure } from "./measure-draining.ts";
import type { Inserted, RawInserts } from "../designs/raw-inserts.ts";
import type { Measured, Row, Settings } from "./row.ts";

const [raw, one] = ["raw INSERTs", "one transaction per message"];

export const drainRow: Row = {
  name: "drain",
  title: "Storing a backlog, one process",
  sides: () => [
    { name: raw, measure: measureRawInserts },
    {
      name: "Confab",
      measure: (world, { seconds }) =>
        measureDraining(world, { design: confab, startWorker: startConfabWorker, fillSeconds: 2 * seconds }),
    },
    {
      // This side stores only a quarter of the messages, so that it finishes in time.
      name: one,
      measure: (world, { seconds }) =>
        measureDraining(world, { design: plain, startWorker: startPlainWorker, fillSeconds: Math.ceil(seconds / 2) }),
    },
  ],
  goals: [
    {
      title: "stored/s, compared with raw 1,000-row INSERTs",
      figure: storedFigure,
      of: "Confab",
      against: raw,
      better: "higher",
      pass: 0.45,
      aim: 0.75,
    },
    {
      title: "stored/s, compared with a job and a transaction per message",
      figure: storedFigure,
      of: "Confab",
      against: one,
      better: "higher",
      pass: 25,
      aim: 35,
    },
    { title: "worker CPU, µs/message", figure: workerFigure, of: "Confab", better: "lower", pass: 20, aim: 12 },
  ],
};

async function measureRawInserts(world: World, { seconds }: Settings): Promise<Measured> {
  return withStores(world, "always", async (stores) => {
    const { token } = await createTarget(stores);
    const chats = await stores.database.prisma.chat.findMany({
      where: { application: { token } },
      orderBy: { number: "asc" },
    });
    const child = fork(new URL(import.meta.resolve("../designs/raw-inserts.ts")), {
      execArgv: ["--conditions=@confab/source"],
    });
    try {
      const cpu = watchCpu({ worker: [child.pid!], Redis: [stores.pids.redis], MySQL: [stores.pids.mysql] });
      const command = { databaseUrl: stores.databaseUrl, chatIds: chats.map(({ id }) => id.toString()), seconds };
      child.send(command satisfies RawInserts);
      const [inserted] = (await once(child, "message")) as [Inserted];
      const figures = figuresOf(inserted.rows, inserted.seconds, cpu());
      const count = await stores.database.prisma.message.count();
      return {
        figures: { ...figures, "backlog, messages": null },
        faults: count === inserted.rows ? [] : [`${inserted.rows} rows were inserted, ${count} exist`],
      };
    } finally {
      child.kill();
    }
  });
}
