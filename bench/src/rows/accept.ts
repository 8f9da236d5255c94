import { join } from "node:path";
import { confab } from "../designs/confab.ts";
import { plain } from "../designs/plain.ts";
import { createStick } from "../designs/stick.ts";
import { runWrk, type WrkResult } from "../load/wrk.ts";
import { createTarget, writeRequests } from "../load/messages.ts";
import { faultsOfCount } from "../verify.ts";
import { memoryOf, watchCpu } from "../processes.ts";
import { withStores, type Fsync, type World } from "../world.ts";
import type { Design } from "../designs/design.ts";
import type { Measured, Row, Settings, Side } from "./row.ts";

interface Load {
  /** Over all processes. */
  readonly connections: number;
  readonly processes?: number;
  readonly fsync?: Fsync;
}

const warmUpSeconds = 2;
const [accepted, cpu, p50, p99, memory] = [
  "accepted, messages/s",
  "service + Redis CPU, µs/message",
  "p50, ms",
  "p99, ms",
  "resident memory, MB",
] as const;
const ofStick = { of: "Confab", against: "Go stick" } as const;

export const acceptRows: readonly Row[] = [
  {
    name: "accept",
    title: "Accepting over 64 connections, one process",
    sides: (world) => [...stickAndConfab({ connections: 64 })(world), sideOf(plain, { connections: 64 })],
    goals: [
      { title: "accepted/s, 64 connections", figure: accepted, ...ofStick, better: "higher", pass: 1.4, aim: 2 },
      { title: "CPU per message, service + Redis", figure: cpu, ...ofStick, better: "lower", pass: 0.7, aim: 0.5 },
      { title: "resident memory of ingest", figure: memory, of: "Confab", better: "lower", pass: 150, aim: 100 },
    ],
  },
  {
    name: "accept-2-processes",
    title: "Accepting over 64 connections, two processes of Confab",
    sides: (world) => [...stickSide(world, { connections: 64 }), sideOf(confab, { connections: 64, processes: 2 })],
    goals: [
      { title: "accepted/s, two processes", figure: accepted, ...ofStick, better: "higher", pass: 1.6, aim: 2.2 },
    ],
  },
  {
    name: "accept-256",
    title: "Accepting over 256 connections, one process",
    sides: stickAndConfab({ connections: 256 }),
    goals: [
      { title: "accepted/s, 256 connections", figure: accepted, ...ofStick, better: "higher", pass: 1.6, aim: 2 },
    ],
  },
  {
    name: "accept-everysec",
    title: "Accepting over 64 connections, while Redis writes to the disk once per second",
    sides: stickAndConfab({ connections: 64, fsync: "everysec" }),
    goals: [{ title: "accepted/s, `everysec`", figure: accepted, ...ofStick, better: "higher", pass: 1.2, aim: 1.6 }],
  },
  {
    name: "accept-1",
    title: "Accepting over one connection",
    sides: stickAndConfab({ connections: 1 }),
    goals: [
      { title: "p50 at one connection", figure: p50, ...ofStick, better: "lower", pass: 1.3, aim: 1 },
      { title: "p99 at one connection", figure: p99, ...ofStick, better: "lower", pass: 1.5, aim: 1 },
    ],
  },
];

function stickAndConfab(load: Load): (world: World) => Side[] {
  return (world) => [...stickSide(world, load), sideOf(confab, load)];
}

function stickSide({ stick }: World, load: Load): Side[] {
  return stick === undefined ? [] : [sideOf(createStick(stick), load)];
}

function sideOf(design: Design, load: Load): Side {
  return { name: design.name, measure: (world, settings) => measureAccepting(world, settings, design, load) };
}

/** Measures the messages accepted per second while no worker runs, after a warm-up that is verified but not measured. */
async function measureAccepting(
  world: World,
  { seconds }: Settings,
  design: Design,
  { connections, processes = 1, fsync = "always" }: Load,
): Promise<Measured> {
  return withStores(world, fsync, async (stores) => {
    const target = await createTarget(stores);
    const requests = join(world.folder, "requests");
    await writeRequests(requests, target);
    const running = await Promise.all(Array.from({ length: processes }, () => design.startIngest(stores)));
    const stop = () => Promise.all(running.map((process) => process.stop()));
    try {
      const load = (seconds: number) =>
        Promise.all(
          running.map(({ url }) =>
            runWrk({ url, path: "/messages", requests, seconds, connections: connections / processes }),
          ),
        );
      const warmUp = await load(warmUpSeconds);
      const pids = running.map(({ pid }) => pid);
      const watch = watchCpu({ service: pids, Redis: [stores.pids.redis] });
      const loads = await load(seconds);
      const { service, Redis } = watch();
      const { now, highest } = memoryOf(pids);
      await stop();
      const answered = answeredOf(loads);
      const held = await design.readHeld(stores, target);
      const perMessage = (us: number | null | undefined) => (us == null ? null : us / answered);
      return {
        figures: {
          [accepted]: loads.reduce((total, { answered, seconds }) => total + answered / seconds, 0),
          [p50]: Math.max(...loads.map(({ p50 }) => p50)),
          [p99]: Math.max(...loads.map(({ p99 }) => p99)),
          [cpu]: service == null || Redis == null ? null : (service + Redis) / answered,
          "service CPU, µs/message": perMessage(service),
          "Redis CPU, µs/message": perMessage(Redis),
          [memory]: now,
          "highest resident memory, MB": highest,
        },
        faults: [
          ...[...warmUp, ...loads].flatMap(({ faults }) => faults),
          ...held.faults,
          ...faultsOfCount(held.messages, answered + answeredOf(warmUp), 2 * connections),
        ],
      };
    } finally {
      await stop();
    }
  });
}

function answeredOf(loads: readonly WrkResult[]): number {
  return loads.reduce((total, { answered }) => total + answered, 0);
}
