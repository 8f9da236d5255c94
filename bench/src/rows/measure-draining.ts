import { setTimeout as sleep } from "node:timers/promises";
import { startProxy } from "@confab/testkit";
import { confab } from "../designs/confab.ts";
import { fillBacklog } from "../load/fill.ts";
import { createTarget } from "../load/messages.ts";
import { cpuFiguresOf, watchCpu, type CpuTimes } from "../processes.ts";
import { countStored, readPending, readStored } from "../verify.ts";
import { withStores, type Stores, type World } from "../world.ts";
import type { Design, Running } from "../designs/design.ts";
import type { Measured } from "./row.ts";

export interface Draining {
  readonly design: Design;
  readonly startWorker: (stores: Stores) => Promise<Running>;
  /** Number of seconds for which 64 connections fill the backlog. */
  readonly fillSeconds: number;
  readonly workers?: number;
  /** Delay in ms between the workers and MySQL, in each direction. */
  readonly delayMs?: number;
}

export const storedFigure = "stored, messages/s";
export const workerFigure = "worker CPU, µs/message";
const pollMs = 20;
const limitMs = 180_000;

/**
 * Measures how many messages from a backlog are stored per second, from the first row to the last. The start of the
 * workers does not count.
 */
export async function measureDraining(
  world: World,
  { design, startWorker, fillSeconds, workers = 1, delayMs = 0 }: Draining,
): Promise<Measured> {
  return withStores(world, "always", async (stores) => {
    const target = await createTarget(stores);
    const faultsOfLoad = await fillBacklog(world, design, stores, target, fillSeconds);
    const backlog = await design.readHeld(stores, target);
    const before = design === confab ? await readPending(stores, target) : undefined;
    const proxy = delayMs === 0 ? undefined : await startProxy({ target: stores.databaseUrl });
    proxy?.delay(delayMs);
    const seen = proxy === undefined ? stores : { ...stores, databaseUrl: proxy.url };
    const running = await Promise.all(Array.from({ length: workers }, () => startWorker(seen)));
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
      const cpu = watchCpu({
        worker: running.map(({ pid }) => pid),
        Redis: [stores.pids.redis],
        MySQL: [stores.pids.mysql],
      });
      const last = await stored(backlog.messages);
      const messages = last.count - first.count;
      const figures = figuresOf(messages, (last.at - first.at) / 1_000, cpu());
      const after = await readStored(stores, target);
      const isSame = after.chats.every(
        ({ count, digest }, chat) => before === undefined || (before.chats[chat]!.digest === digest && count > 0),
      );
      const faults = [
        ...faultsOfLoad,
        ...backlog.faults,
        ...after.faults,
        ...(isSame ? [] : ["the stored messages are not those that were pending"]),
        ...(last.count === backlog.messages ? [] : [`${backlog.messages} messages waited, ${last.count} are stored`]),
        ...(messages > 0 ? [] : ["the backlog was too small to measure"]),
      ];
      return { figures: { ...figures, "backlog, messages": backlog.messages }, faults };
    } finally {
      await Promise.all(running.map((worker) => worker.stop()));
      await proxy?.close();
    }
  });
}

/**
 * Returns the rate of messages that were stored in a number of seconds, and the CPU time of each process in
 * microseconds.
 */
export function figuresOf(messages: number, seconds: number, cpu: CpuTimes) {
  return { [storedFigure]: messages / seconds, ...cpuFiguresOf(cpu, "message", messages) };
}
