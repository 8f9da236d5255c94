import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startService } from "../services.ts";
import { environmentOf } from "../designs/design.ts";
import { createTarget } from "../load/messages.ts";
import { memoryOf, watchCpu } from "../processes.ts";
import { queriesOf, withStores, type Stores, type World } from "../world.ts";
import type { Command, Report } from "../load/stream-readers.ts";
import type { Measured, Row, Settings } from "./row.ts";

const readers = 10_000;
/** Messages per second while the delivery is measured. */
const rate = 5;
/** Number of messages that a reader has missed when it returns. */
const missed = 50;
/** Time in ms without work after which V8 has released the memory that it needed for the work. */
const quietMs = 12_000;
const catchUpMs = 120_000;
const warmUpReaders = 200;
const perStream = "resident memory per idle stream, KB";
const p99 = `created to delivered at ${rate} messages/s, p99, ms`;

export const streamsRow: Row = {
  name: "streams",
  title: "Live streams: 10,000 readers of one chat, on one process",
  sides: () => [{ name: "Confab", measure: measureStreams }],
  goals: [
    {
      title: "live streams, created to delivered, p99, ms",
      figure: p99,
      of: "Confab",
      better: "lower",
      pass: 500,
      aim: 150,
    },
    { title: "memory per idle stream, KB", figure: perStream, of: "Confab", better: "lower", pass: 20, aim: 11 },
  ],
};

/** Measures idle, live and returning readers of one chat. */
async function measureStreams(world: World, { seconds }: Settings): Promise<Measured> {
  return withStores(world, "always", async (stores) => {
    const env = {
      ...environmentOf(stores),
      SEARCH_BACKEND: "mysql",
      RATE_LIMITS: "off",
      LOG_LEVEL: "fatal",
      MAX_STREAMS: String(2 * readers),
    };
    const started = await Promise.allSettled(
      (["ingest", "api", "worker"] as const).map((name) => startService(name, env)),
    );
    const services = started.flatMap((service) => (service.status === "fulfilled" ? [service.value] : []));
    const client = fork(join(import.meta.dirname, "../load/stream-readers.ts"), {
      execArgv: ["--conditions=@confab/source"],
    });
    try {
      const [ingest, api] = services;
      if (services.length < 3) throw new Error("a service did not start");
      const { token } = await createTarget(stores, 1);
      return await measure({ stores, client, ingest: ingest!, api: api!, token }, seconds);
    } finally {
      client.kill();
      await Promise.all(services.map((service) => service.kill()));
    }
  });
}

interface Stage {
  readonly stores: Stores;
  readonly client: ReturnType<typeof fork>;
  readonly ingest: { readonly url: string };
  readonly api: { readonly url: string; readonly pid: number };
  readonly token: string;
}

async function measure({ stores, client, ingest, api, token }: Stage, seconds: number): Promise<Measured> {
  const faults: string[] = [];
  const path = `/applications/${token}/chats/1/messages/stream`;
  const port = Number(new URL(api.url).port);
  let last = 0;
  const residentMb = () => memoryOf([api.pid]).now ?? Number.NaN;
  const tell = (command: Command): boolean => client.send(command);
  const report = async (): Promise<Report> => {
    tell({ type: "report" });
    const [answer] = (await once(client, "message")) as [Report];
    return answer;
  };
  const send = async (count: number): Promise<void> => {
    const message = { application_token: token, chat_number: 1, body: "Hello world" };
    const body = JSON.stringify({ messages: Array.from({ length: count }, () => message) });
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`${ingest.url}/messages/batch`, { method: "POST", headers, body });
    if (answer.status !== 200) throw new Error(`ingest answered ${answer.status}`);
    await answer.body?.cancel();
    last += count;
  };
  /** Opens all readers at once and waits until they have caught up. */
  const open = async (after: readonly number[]) => {
    const cpu = watchCpu({ api: [api.pid], mysql: [stores.pids.mysql] });
    const asked = await queriesOf(stores);
    const began = performance.now();
    const sum = { events: 0, faults: 0 };
    tell({ type: "open", port, path, readers, after });
    for (;;) {
      await sleep(50);
      const { caughtUp, failed, events, faults } = await report();
      sum.events += events;
      sum.faults += faults;
      const elapsed = performance.now() - began;
      if (failed > 0) throw new Error(`${failed} connections failed: raise ulimit -n`);
      if (elapsed > catchUpMs) throw new Error(`only ${caughtUp} of ${readers} readers are caught up`);
      if (caughtUp < readers) continue;
      return { ...sum, seconds: elapsed / 1_000, queries: (await queriesOf(stores)) - asked, cpu: cpu() };
    }
  };
  const drop = async (): Promise<void> => {
    tell({ type: "drop" });
    await sleep(3_000);
    await report();
  };
  const expect = (what: string, found: { events: number; faults: number }, events: number): void => {
    if (found.faults > 0) faults.push(`${what}: ${found.faults} events came twice or after a hole`);
    if (found.events !== events) faults.push(`${what}: ${found.events} events instead of ${events}`);
  };

  // V8 loads and optimizes the code for these readers and messages, so that the code does not count as memory of
  // streams.
  await send(1);
  tell({ type: "open", port, path, readers: warmUpReaders, after: [] });
  for (let at = 0; at < 5; at += 1) await Promise.all([send(1), sleep(500)]);
  await drop();
  await sleep(quietMs);
  const before = residentMb();
  const opened = await open([]);
  await sleep(quietMs);
  const kilobytes = (1_000 * (residentMb() - before)) / readers;
  await report();

  const cpu = watchCpu({ api: [api.pid] });
  const first = last;
  const began = performance.now();
  while (performance.now() - began < 1_000 * seconds) await Promise.all([send(1), sleep(1_000 / rate)]);
  await sleep(2_000);
  const live = await report();
  const deliveries = (last - first) * readers;
  expect("live", live, deliveries);
  const delivering = cpu().api ?? Number.NaN;
  const percentile = (part: number) => live.delays[Math.floor(live.delays.length * part)] ?? Number.NaN;

  await drop();
  await send(missed);
  await sleep(3_000);
  const equal = await open([last - missed]);
  expect("returning", equal, missed * readers);
  await drop();
  // The order is the same in each run, but neither ascending nor descending.
  const positions = Array.from({ length: missed }, (_, at) => last - 1 - ((at * 7_919) % missed));
  const mixed = await open(positions);
  const behind = Array.from({ length: readers }, (_, at) => last - positions[at % missed]!);
  expect(
    "returning to different positions",
    mixed,
    behind.reduce((sum, count) => sum + count, 0),
  );

  return {
    faults,
    figures: {
      "all open after, s": opened.seconds,
      "MySQL queries per second meanwhile": opened.queries / opened.seconds,
      [perStream]: kilobytes,
      [`created to delivered at ${rate} messages/s, p50, ms`]: percentile(0.5),
      [p99]: percentile(0.99),
      "api CPU per delivery, µs": delivering / deliveries,
      [`all back with ${missed} missed messages each after, s`]: equal.seconds,
      "MySQL queries per second while they return": equal.queries / equal.seconds,
      "api CPU while they return, s": (equal.cpu.api ?? Number.NaN) / 1e6,
      [`all back with 1 to ${missed} missed messages after, s`]: mixed.seconds,
      "MySQL queries per second while they return to different positions": mixed.queries / mixed.seconds,
      "api CPU while they return to different positions, s": (mixed.cpu.api ?? Number.NaN) / 1e6,
    },
  };
}
