import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createApplications, createChats } from "@confab/database";
import { startService, uniquePrefix } from "@confab/testkit";
import type { Command, Report } from "./stream-readers.ts";
import { createWorld } from "./world.ts";

const help = `Measures the live stream of one chat with many readers on one api process.

  npm run streams -w bench -- [--readers 10000] [--seconds 20] [--rate 5] [--missed 50]

It needs as many open files as there are readers, per process: ulimit -n.`;

const { values } = parseArgs({
  options: {
    readers: { type: "string", default: "10000" },
    seconds: { type: "string", default: "20" },
    rate: { type: "string", default: "5" },
    missed: { type: "string", default: "50" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) process.stdout.write(`${help}\n`);
else await measure(Number(values.readers), Number(values.seconds), Number(values.rate), Number(values.missed));

async function measure(readers: number, seconds: number, rate: number, missed: number): Promise<void> {
  const world = await createWorld(process.env);
  const prefix = uniquePrefix("bench");
  const env = {
    ...{ REDIS_URL: world.redisUrl, DATABASE_URL: world.databaseUrl, REDIS_KEY_PREFIX: prefix },
    ...{ SEARCH_BACKEND: "mysql", RATE_LIMITS: "off", LOG_LEVEL: "fatal", MAX_STREAMS: String(2 * readers) },
  };
  const [ingest, api, worker] = await Promise.all([
    startService("ingest", env),
    startService("api", env),
    startService("worker", env),
  ]);
  const { token } = await createApplications(world.database).create({ token: crypto.randomUUID(), name: "bench" });
  await createChats(world.database).create({ token });
  const client = fork(join(import.meta.dirname, "stream-readers.ts"), { execArgv: ["--conditions=@confab/source"] });
  const tell = (command: Command): boolean => client.send(command);
  const report = async (): Promise<Report> => {
    tell({ type: "report" });
    const [answer] = (await once(client, "message")) as [Report];
    return answer;
  };
  const path = `/applications/${token}/chats/1/messages/stream`;
  const port = Number(new URL(api.url).port);
  const send = async (count: number): Promise<void> => {
    const messages = Array.from({ length: count }, () => ({
      application_token: token,
      chat_number: 1,
      body: "Hello world",
    }));
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`${ingest.url}/messages/batch`, {
      method: "POST",
      headers,
      body: JSON.stringify({ messages }),
    });
    if (answer.status !== 200) throw new Error(`ingest answered ${answer.status}`);
    await answer.body?.cancel();
  };
  const questions = async (): Promise<number> => {
    const [row] = await world.database.prisma.$queryRaw<{ Value: string }[]>`SHOW GLOBAL STATUS LIKE 'Questions'`;
    return Number(row?.Value);
  };
  /** Opens all readers at once; returns the seconds until all are caught up. */
  const open = async (query: string): Promise<number> => {
    const began = performance.now();
    tell({ type: "open", port, path: `${path}${query}`, readers });
    for (;;) {
      await sleep(50);
      const { caughtUp, failed } = await report();
      if (failed > 0) throw new Error(`${failed} connections failed: raise ulimit -n`);
      if (caughtUp >= readers) return (performance.now() - began) / 1_000;
      if (performance.now() - began > 120_000) throw new Error(`only ${caughtUp} of ${readers} are caught up`);
    }
  };
  const rss = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${api.pid}/status`, "utf8"))?.[1] ?? 0);

  try {
    await send(1);
    // Warm up, so that the code and its optimized form are not counted as memory of streams.
    tell({ type: "open", port, path, readers: 200 });
    for (let at = 0; at < 5; at += 1) await Promise.all([send(1), sleep(500)]);
    tell({ type: "drop" });
    await sleep(3_000);
    const before = rss();
    const opened = await open("");
    await sleep(10_000);
    const perStream = (rss() - before) / readers;
    await report();

    let last = 1 + 5;
    const end = performance.now() + 1_000 * seconds;
    while (performance.now() < end) {
      await Promise.all([send(1), sleep(1_000 / rate)]);
      last += 1;
    }
    await sleep(2_000);
    const { delays, events } = await report();
    const sent = last - 6;

    tell({ type: "drop" });
    await sleep(3_000);
    await send(missed);
    await sleep(3_000);
    const asked = await questions();
    const reopened = await open(`?after=${last}`);
    const queries = (await questions()) - asked;
    const at = (part: number) => Math.round(delays[Math.floor(delays.length * part)] ?? NaN);
    const rows = [
      ["readers", readers],
      ["all open after, s", opened.toFixed(1)],
      ["resident memory per idle stream, KB", perStream.toFixed(1)],
      [`delivered of ${sent * readers}, at ${rate} messages/s`, events],
      ["created to delivered, ms: p50", at(0.5)],
      ["p99", at(0.99)],
      [`all back with ${missed} missed messages each after, s`, reopened.toFixed(1)],
      ["MySQL queries meanwhile", queries],
      ["per second", Math.round(queries / reopened)],
    ];
    process.stdout.write(`${rows.map(([name, value]) => `| ${name!} | ${value!} |`).join("\n")}\n`);
  } finally {
    client.kill();
    await Promise.all([ingest.kill(), api.kill(), worker.kill()]);
    await world.close();
  }
}
