import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createApplications, createChats } from "@confab/database";
import { uniquePrefix } from "@confab/testkit";
import { watchCpu } from "./cpu.ts";
import { sendMessages } from "./load.ts";
import { countStored, faultsOfAnswers, faultsOfRows } from "./verify.ts";
import type { Design, Workspace } from "./designs.ts";
import type { World } from "./world.ts";

/** The figures of one phase by name: messages per second, milliseconds, or microseconds of CPU per message. */
export interface PhaseResult {
  readonly figures: Readonly<Record<string, number | null>>;
  /** Why the round is void; empty if it is valid. */
  readonly faults: readonly string[];
}

const WARM_UP_SECONDS = 1.5;
const CHATS = 10;
const POLL_MS = 20;
const DRAIN_LIMIT_MS = 180_000;

/** Measures the messages accepted per second while no worker runs, after a warm-up that is verified but not measured. */
export async function measureAccepting(
  world: World,
  design: Design,
  { connections, seconds }: { connections: number; seconds: number },
): Promise<PhaseResult> {
  return withWorkspace(world, design, async (workspace, { token, chats }) => {
    const ingest = await design.startIngest(workspace);
    try {
      const target = { url: ingest.url, token, chats, connections };
      const warmUp = await sendMessages(target, { seconds: WARM_UP_SECONDS });
      const cpu = watchCpu({ ingest: ingest.pid, Redis: world.pids.redis });
      const load = await sendMessages(target, { seconds });
      return {
        figures: {
          "accepted, messages/s": load.accepted / load.seconds,
          "latency p50, ms": load.latencies[Math.floor(load.accepted * 0.5)] ?? null,
          "latency p99, ms": load.latencies[Math.floor(load.accepted * 0.99)] ?? null,
          ...perMessage("accepting", cpu(), load.accepted),
        },
        faults: faultsOfAnswers([warmUp, load]),
      };
    } finally {
      await ingest.stop();
    }
  });
}

/** Measures the messages stored per second from a backlog, from the first row to the last. The worker's start is left out. */
export async function measureDraining(
  world: World,
  design: Design,
  { connections, backlog }: { connections: number; backlog: number },
): Promise<PhaseResult> {
  return withWorkspace(world, design, async (workspace, { token, chats }) => {
    const ingest = await design.startIngest(workspace);
    const load = await sendMessages({ url: ingest.url, token, chats, connections }, { messages: backlog }).finally(() =>
      ingest.stop(),
    );
    const worker = await design.startWorker(workspace);
    try {
      const deadline = performance.now() + DRAIN_LIMIT_MS;
      const stored = async (atLeast: number) => {
        for (;;) {
          const count = await countStored(world.database, token);
          if (count >= atLeast || performance.now() > deadline) return { count, at: performance.now() };
          await sleep(POLL_MS);
        }
      };
      const first = await stored(1);
      const cpu = watchCpu({ worker: worker.pid, Redis: world.pids.redis, MySQL: world.pids.mysql });
      const last = await stored(load.accepted);
      const drained = last.count - first.count;
      const used = cpu();
      const faults = [...faultsOfAnswers([load]), ...(await faultsOfRows(world.database, token, load))];
      return {
        figures: {
          "drained, messages/s": (drained * 1000) / (last.at - first.at),
          ...perMessage("draining", used, drained),
        },
        faults: drained > 0 ? faults : [...faults, "the backlog was too small to measure"],
      };
    } finally {
      await worker.stop();
    }
  });
}

function perMessage(phase: string, times: Readonly<Record<string, number | null>>, messages: number) {
  return Object.fromEntries(
    Object.entries(times).map(([name, us]) => [
      `${name} CPU while ${phase}, µs/message`,
      us === null ? null : us / messages,
    ]),
  );
}

/** Gives each phase its own prefix and chats, so that it does not inherit another phase's backlog. */
async function withWorkspace<T>(
  world: World,
  design: Design,
  work: (workspace: Workspace, target: { token: string; chats: number[] }) => Promise<T>,
): Promise<T> {
  const { redisUrl, databaseUrl } = world;
  const prefix = uniquePrefix(`bench-${design.name}`);
  try {
    return await work({ redisUrl, databaseUrl, prefix }, await createTarget(world));
  } finally {
    await world.forget(prefix);
  }
}

/** Creates an application with ten chats. */
async function createTarget({ database }: World): Promise<{ token: string; chats: number[] }> {
  const token = randomUUID();
  await createApplications(database).create({ token, name: "benchmark" });
  const create = createChats(database).create;
  const created = await Promise.all(Array.from({ length: CHATS }, () => create({ token })));
  return { token, chats: created.flatMap((chat) => chat?.number ?? []) };
}
