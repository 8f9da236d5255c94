import { uniquePrefix } from "@confab/testkit";
import { watchCpu } from "../cpu.ts";
import type { Running } from "../designs.ts";
import { sendMessages, type LoadResult, type Target } from "../load.ts";
import { createTarget } from "../phases.ts";
import { faultsOfAnswers } from "../verify.ts";
import type { World } from "../world.ts";
import { startCollector, type Collector } from "./collector.ts";
import { modeNames, startIngest, type ModeName } from "./modes.ts";

export interface RoundOptions {
  readonly turns: number;
  readonly seconds: number;
  readonly connections: number;
}

export interface TelemetryRound {
  readonly mode: ModeName;
  readonly round: number;
  /** CPU of ingest, µs a message, turn by turn. */
  readonly cpu: readonly number[];
  readonly accepted: number;
  readonly p99: number | null;
  readonly spans: number;
  /** Why the round is void; empty when it counts. */
  readonly faults: readonly string[];
}

interface Contestant {
  readonly mode: ModeName;
  readonly prefix: string;
  readonly collector: Collector;
  readonly ingest: Running;
  readonly target: Target;
  readonly loads: LoadResult[];
  readonly cpu: number[];
}

/** What one request in a hundred does takes V8 long to compile well; a process that serves for days has that behind it. */
const WARM_UP_SECONDS = 15;
/** The SDK sends what is left every five seconds. */
const LAST_SPANS_MS = 6_000;

/** One ingest for each mode, all fresh, which take messages in turn, there and back so that none always follows the same: A B C D D C B A … */
export async function measureRound(world: World, round: number, options: RoundOptions): Promise<TelemetryRound[]> {
  const all: Contestant[] = [];
  try {
    for (const mode of modeNames) all.push(await enter(world, mode, options.connections));
    for (const each of all) {
      // Verified, and not measured.
      each.loads.push(await sendMessages(each.target, { seconds: WARM_UP_SECONDS }));
    }
    for (let turn = 0; turn < options.turns; turn += 1) {
      for (const { target, ingest, loads, cpu } of turn % 2 === 0 ? all : all.toReversed()) {
        const used = watchCpu({ ingest: ingest.pid });
        const load = await sendMessages(target, { seconds: options.seconds });
        const us = used().ingest ?? null;
        loads.push(load);
        if (us !== null) cpu.push(us / load.accepted);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, LAST_SPANS_MS));
    return all.map((each) => resultOf(each, round));
  } finally {
    for (const { ingest, collector, prefix } of all) {
      await ingest.stop();
      await collector.stop();
      await world.forget(prefix);
    }
  }
}

async function enter(world: World, mode: ModeName, connections: number): Promise<Contestant> {
  const { redisUrl, databaseUrl } = world;
  const prefix = uniquePrefix("bench-telemetry");
  const collector = await startCollector();
  try {
    const ingest = await startIngest(mode, collector.url, { redisUrl, databaseUrl, prefix });
    const target = { url: ingest.url, connections, ...(await createTarget(world)) };
    return { mode, prefix, collector, ingest, target, loads: [], cpu: [] };
  } catch (error) {
    await collector.stop();
    throw error;
  }
}

function resultOf({ mode, collector, loads, cpu }: Contestant, round: number): TelemetryRound {
  const [warmUp, ...measured] = loads;
  const messages = measured.reduce((sum, { accepted }) => sum + accepted, 0);
  const seconds = measured.reduce((sum, load) => sum + load.seconds, 0);
  const latencies = measured.flatMap((load) => [...load.latencies]).sort((a, b) => a - b);
  const spans = collector.spans();
  const isTraced = mode.startsWith("traces");
  return {
    mode,
    round,
    cpu,
    accepted: messages / seconds,
    p99: latencies[Math.floor(latencies.length * 0.99)] ?? null,
    spans: spans / (messages + warmUp!.accepted),
    faults: [
      ...faultsOfAnswers(loads),
      ...(isTraced === spans > 0 ? [] : [isTraced ? "no span was received" : "spans were received"]),
    ],
  };
}
