import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { confab, startConfabWorker } from "../designs/confab.ts";
import { plain, startPlainWorker } from "../designs/plain.ts";
import { fillBacklog } from "../load/fill.ts";
import { createTarget } from "../load/messages.ts";
import { watchCpu, type CpuTimes } from "../processes.ts";
import { countStored, readPending, readStored } from "../verify.ts";
import { withStores, type World } from "../world.ts";
import type { Design, Running } from "../designs/design.ts";
import type { Inserted, RawInserts } from "../designs/raw-inserts.ts";
import type { Stores } from "../world.ts";
import type { Measured, Row, Settings } from "./row.ts";

const drained = "stored, messages/s";
const worker = "worker CPU, µs/message";
const [raw, one] = ["raw INSERTs", "one transaction per message"];

export const drainRow: Row = {
  name: "drain",
  title: "Storing a backlog, one process",
  sides: () => [
    { name: raw, measure: measureRawInserts },
    {
      name: "Confab",
      measure: (world, { seconds }) => measureDraining(world, confab, startConfabWorker, 2 * seconds),
    },
    {
      // A quarter of the messages, so that it ends.
      name: one,
      measure: (world, { seconds }) => measureDraining(world, plain, startPlainWorker, Math.ceil(seconds / 2)),
    },
  ],
  goals: [
    {
      title: "stored/s, compared with raw 1,000-row INSERTs",
      ...{ figure: drained, of: "Confab", against: raw, better: "higher", pass: 0.45, aim: 0.75 },
    },
    {
      title: "stored/s, compared with a job and a transaction per message",
      ...{ figure: drained, of: "Confab", against: one, better: "higher", pass: 25, aim: 35 },
    },
    { title: "worker CPU, µs/message", figure: worker, of: "Confab", better: "lower", pass: 20, aim: 12 },
  ],
};

const pollMs = 20;
const limitMs = 180_000;

/** Measures the messages stored per second from a backlog, from the first row to the last. The worker's start is left out. */
async function measureDraining(
  world: World,
  design: Design,
  startWorker: (stores: Stores) => Promise<Running>,
  seconds: number,
): Promise<Measured> {
  return withStores(world, "always", async (stores) => {
    const target = await createTarget(stores);
    const faultsOfLoad = await fillBacklog(world, design, stores, target, seconds);
    const backlog = await design.readHeld(stores, target);
    const before = design === confab ? await readPending(stores, target) : undefined;
    const running = await startWorker(stores);
    try {
      const deadline = performance.now() + limitMs;
      const stored = async (atLeast: number) => {
        for (;;) {
          const count = await countStored(stores.database, target.token);
          if (count >= atLeast || performance.now() > deadline) return { count, at: performance.now() };
          await sleep(pollMs);
        }
      };
      const first = await stored(1);
      const cpu = watchCpu({ worker: [running.pid], Redis: [stores.pids.redis], MySQL: [stores.pids.mysql] });
      const last = await stored(backlog.messages);
      const messages = last.count - first.count;
      const figures = figuresOf(messages, (last.at - first.at) / 1_000, cpu());
      const after = await readStored(stores, target);
      const isSame = after.chats.every(
        ({ count, digest }, chat) => before === undefined || (before.chats[chat]!.digest === digest && count > 0),
      );
      const faults = [
        ...[...faultsOfLoad, ...backlog.faults, ...after.faults],
        ...(isSame ? [] : ["the stored messages are not those that were pending"]),
        ...(last.count === backlog.messages ? [] : [`${backlog.messages} messages waited, ${last.count} are stored`]),
        ...(messages > 0 ? [] : ["the backlog was too small to measure"]),
      ];
      return { figures: { ...figures, "backlog, messages": backlog.messages }, faults };
    } finally {
      await running.stop();
    }
  });
}

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

function figuresOf(messages: number, seconds: number, cpu: CpuTimes) {
  const perMessage = Object.entries(cpu).map(([name, us]) => [
    `${name} CPU, µs/message`,
    us === null ? null : us / messages,
  ]);
  return { [drained]: messages / seconds, ...(Object.fromEntries(perMessage) as Record<string, number | null>) };
}
