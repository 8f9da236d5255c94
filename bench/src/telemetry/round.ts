import { setTimeout } from "node:timers/promises";
import { uniquePrefix, type ServiceHandle } from "@confab/testkit";
import { watchCpu } from "../cpu.ts";
import { sendMessages, type LoadResult, type Target } from "../load.ts";
import { createTarget } from "../phases.ts";
import { faultsOfAnswers } from "../verify.ts";
import type { World } from "../world.ts";
import { startCollector, type Collector } from "./collector.ts";
import { modes, processNames, SPANS_ARE_OUT_MS, startIngest, type ProcessName } from "./modes.ts";

export interface RoundOptions {
  readonly turns: number;
  readonly seconds: number;
  readonly connections: number;
}

export interface TelemetryRound {
  readonly mode: string;
  readonly round: number;
  /** CPU of ingest, µs a message, turn by turn. */
  readonly cpu: readonly number[];
  readonly accepted: number;
  readonly p99: number | null;
  /** Spans a message. */
  readonly spans: number;
  /** Why the round is void; empty when it counts. */
  readonly faults: readonly string[];
}

interface Contestant {
  readonly prefix: string;
  readonly collector: Collector;
  readonly ingest: ServiceHandle;
  readonly target: Target;
  /** In the order in which they were sent, those of the warm-up too. */
  readonly loads: LoadResult[];
}

interface Turn {
  readonly cpu: number | null;
  readonly spans: number;
  readonly load: LoadResult;
}

/** V8 compiles well what ran thousands of times, and a process that serves for days has that behind it: one half with every message sampled, where any is. */
const WARM_UP_SECONDS = 6;

/** In five turns each mode is once in each place; the way back turns round who follows whom. */
const PLACES = [0, 4, 1, 3, 2] as const;

/** An ingest for each way to start it, all fresh, which take messages in turn. */
export async function measureRound(world: World, round: number, options: RoundOptions): Promise<TelemetryRound[]> {
  const all = new Map<ProcessName, Contestant>();
  try {
    for (const name of processNames) all.set(name, await enter(world, name, options.connections));
    for (const contestant of all.values()) {
      await send(contestant, WARM_UP_SECONDS, 1);
      await send(contestant, WARM_UP_SECONDS, 100);
      await setTimeout(SPANS_ARE_OUT_MS);
    }
    const turns = modes.map((): Turn[] => []);
    for (let turn = 0; turn < options.turns; turn += 1) {
      for (const place of turn % 2 === 0 ? PLACES : PLACES.toReversed()) {
        const mode = (place + turn) % modes.length;
        const { process, sampledOneIn } = modes[mode]!;
        turns[mode]!.push(await takeTurn(all.get(process)!, options.seconds, sampledOneIn));
      }
    }
    return modes.map(({ name, process, sampledOneIn }, mode) => ({
      mode: name,
      round,
      ...summaryOf(turns[mode]!, all.get(process)!, sampledOneIn !== undefined),
    }));
  } finally {
    for (const { ingest, collector, prefix } of all.values()) {
      await ingest.stop();
      await collector.stop();
      await world.forget(prefix);
    }
  }
}

/** Ends when the spans of its messages are out, so that what they cost is told with them and meets no other's turn. */
async function takeTurn(contestant: Contestant, seconds: number, sampledOneIn: number | undefined): Promise<Turn> {
  const { ingest, collector } = contestant;
  const earlier = collector.spans();
  const used = watchCpu({ ingest: ingest.pid });
  const load = await send(contestant, seconds, sampledOneIn);
  await (await fetch(`${ingest.adminUrl}/metrics`)).arrayBuffer();
  await setTimeout(SPANS_ARE_OUT_MS);
  return { cpu: used().ingest ?? null, spans: collector.spans() - earlier, load };
}

async function send({ target, loads }: Contestant, seconds: number, sampledOneIn = Infinity): Promise<LoadResult> {
  const headersOf = (message: number) =>
    (message + 1) % sampledOneIn === 0 ? { traceparent: sampledParent(message + 1) } : {};
  const load = await sendMessages({ ...target, headersOf }, { seconds });
  loads.push(load);
  return load;
}

/** A trace of its own, of which the client's span is recorded. */
function sampledParent(trace: number): string {
  return `00-${trace.toString(16).padStart(32, "0")}-b7ad6b7169203331-01`;
}

async function enter(world: World, name: ProcessName, connections: number): Promise<Contestant> {
  const { redisUrl, databaseUrl } = world;
  const prefix = uniquePrefix("bench-telemetry");
  const collector = await startCollector();
  try {
    const ingest = await startIngest(name, collector.url, { redisUrl, databaseUrl, prefix });
    const target = { url: ingest.url, connections, ...(await createTarget(world)) };
    return { prefix, collector, ingest, target, loads: [] };
  } catch (error) {
    await collector.stop();
    throw error;
  }
}

function summaryOf(turns: readonly Turn[], { loads }: Contestant, isSampled: boolean) {
  const sum = (valueOf: (turn: Turn) => number) => turns.reduce((total, turn) => total + valueOf(turn), 0);
  const messages = sum(({ load }) => load.accepted);
  const spans = sum((turn) => turn.spans);
  const latencies = turns.flatMap(({ load }) => [...load.latencies]).sort((a, b) => a - b);
  return {
    cpu: turns.flatMap(({ cpu, load }) => (cpu === null ? [] : [cpu / load.accepted])),
    accepted: messages / sum(({ load }) => load.seconds),
    p99: latencies[Math.floor(latencies.length * 0.99)] ?? null,
    spans: spans / messages,
    faults: [
      ...faultsOfAnswers(loads),
      ...(isSampled === spans > 0 ? [] : [isSampled ? "no span was received" : "spans were received"]),
    ],
  };
}
