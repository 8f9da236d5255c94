import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createRecorder } from "./history/recorder.ts";
import { startLoad, type Load } from "./load/load.ts";
import { probe } from "./load/probe.ts";
import { createRandom } from "./load/random.ts";
import { sample } from "./load/sampler.ts";
import { createScene, type Fault } from "./scene.ts";
import { readFinalState } from "./verify/final-state.ts";
import { chatKey } from "./verify/model.ts";
import { finalFile, historyFile, verifyFolder } from "./verify/read-lines.ts";
import { loginOf, type SharedStores } from "./world/stores.ts";
import { startWorld, type World } from "./world/world.ts";
import type { Endpoints } from "./verify/endpoints.ts";
import type { FinalLine, MessageLine } from "./history/lines.ts";
import type { Progress } from "./load/stream-readers.ts";
import type { Verdict } from "./verify/verdict.ts";

export interface RunOptions {
  readonly fault: Fault;
  readonly seed: number;
  readonly stores: SharedStores;
  /** Results folder of the run, which `runFault` creates. It replaces the folder of an earlier run. */
  readonly results: string;
  /** Folder for the data of the run's stores. */
  readonly scratch: string;
  /** Time in ms that the load runs before the fault, and again after it. */
  readonly calmMs?: number;
  readonly restMs?: number;
}

/** Name of the verdict's file in a results folder. */
export const verdictFile = "verdict.json";

/**
 * Starts a system under load, injects the fault, lets the system recover, reads its final state, and judges the run.
 * The folder gets its final name only when it is complete.
 */
export async function runFault(options: RunOptions): Promise<Verdict> {
  const { fault, seed, results } = options;
  const folder = join(results, fault.name, String(seed));
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  const own = await fault.ownStores?.(options.stores, await mkdtemp(join(options.scratch, "own-stores-")));
  const world = await startWorld({
    stores: own ?? options.stores,
    dir: await mkdtemp(join(options.scratch, "run-")),
    topology: { ingest: 2, api: 1, worker: 2, ...fault.topology },
    chats: fault.chats ?? 3,
    hasDoomedChat: fault.keepsChats !== true,
    redis: fault.redis ?? "single",
    ...(fault.env && { env: fault.env }),
    ...(fault.envOf && { envOf: fault.envOf }),
    ...(fault.prepare && { prepare: fault.prepare }),
    ...(fault.redisArgs && { redisArgs: fault.redisArgs }),
  }).catch(async (error: unknown) => {
    await own?.stop();
    throw error;
  });
  try {
    await record(world, options, unfinished);
    const verdict = await verifyFolder(unfinished);
    await writeFile(join(unfinished, verdictFile), JSON.stringify(verdict, null, 1));
    return verdict;
  } finally {
    // The world is stopped before anything else, because everything that still runs keeps this process alive.
    await world.stop();
    await own?.stop();
    for (const process of world.processes) await writeFile(join(unfinished, `${process.name}.log`), process.logs());
    await rm(folder, { recursive: true, force: true });
    await rename(unfinished, folder);
  }
}

async function record(world: World, options: RunOptions, folder: string): Promise<void> {
  const { fault, seed, calmMs = 1_500, restMs = 2_000 } = options;
  const recorder = createRecorder(join(folder, historyFile));
  const startedAt = new Date().toISOString();
  const { applications } = world;
  const [ingest, api] = [world.of("ingest"), world.of("api")];
  const sampling = new AbortController();
  // An error of the sampler must not keep the load from ending.
  const sampled = Promise.allSettled([sample(recorder, () => world.processes, sampling.signal)]);
  const load = startLoad({
    recorder,
    seed,
    applications,
    ingest,
    api,
    writers: fault.writers ?? 6,
    senders: fault.senders ?? [],
    pace: { pauseMs: 25, fillerBytes: 200, ...fault.pace },
    // The chat is deleted at about the time when the fault begins.
    doomAfterMs: createRandom(seed).between(calmMs / 2, 2 * calmMs + 1_000),
  });
  const random = createRandom(seed);
  const endLoad = async () => {
    await load.stop(15_000);
    sampling.abort();
    await sampled;
  };
  let final: FinalLine[] = [];
  try {
    await pause(calmMs + random.between(0, 500));
    await fault.run(createScene(world, load, recorder, random));
    const isStored = async (uid: string) =>
      (await world.sql<unknown>(`SELECT 1 FROM messages WHERE body LIKE '${uid} %' LIMIT 1`)).length > 0;
    await Promise.all([
      pause(restMs),
      probe({ recorder, application: applications[0]!, ingest, api, isStored, label: "last" }),
    ]);
    await endLoad();
    final = await readFinalState(await endpointsOf(world), restWithinMs);
    await streamsCatchUp(load, final, world.doomed);
  } finally {
    await endLoad();
    await load.stopStreams();
    const alive = (service: "ingest" | "api" | "worker") =>
      world.of(service).flatMap(({ name, pid }) => (pid === undefined ? [] : [name]));
    recorder.write({
      type: "run",
      fault: fault.name,
      title: fault.title,
      seed,
      startedAt,
      expectations: fault.expectations,
      ...(world.doomed && { doomed: { app: world.doomed.app, chat: world.doomed.chat } }),
      processes: { ingest: alive("ingest"), api: alive("api"), worker: alive("worker") },
      canaries: Object.fromEntries(applications.map(({ label, canary }) => [label, canary])),
    });
    await recorder.close();
  }
  for (const outcome of await sampled) if (outcome.status === "rejected") throw outcome.reason;
  await writeFile(join(folder, finalFile), final.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

async function endpointsOf(world: World): Promise<Endpoints> {
  // The server is reached through a worker's proxy, if there is one, because a nemesis may have replaced the server.
  const server = world.links("worker", "redis")[0] ?? (await world.sentinels?.master()) ?? world.redis;
  return {
    database: loginOf(world.databaseAdminUrl),
    index: world.index,
    api: world.of("api").find(({ pid }) => pid !== undefined)!.url,
    workers: world.of("worker").flatMap(({ pid, adminUrl }) => (pid === undefined ? [] : [adminUrl])),
    applications: new Map(world.applications.map(({ token, label }) => [token, label])),
    doomed: world.doomed,
    redis: world.cluster?.nodes.map(({ url }) => url) ?? [server.url],
  };
}

/** Maximum time in ms until the system comes to rest. A killed worker keeps its claim of an erasure for a minute. */
const restWithinMs = 100_000;

/**
 * Maximum time in ms for the readers of streams to catch up after the system came to rest. They reconnect up to five
 * seconds after a goodbye.
 */
const catchUpMs = 20_000;

/**
 * Waits until each reader of a stream has received every message and change, and the reader of the deleted chat was
 * refused. Gives up after `catchUpMs`.
 */
async function streamsCatchUp(load: Load, final: readonly FinalLine[], doomed: World["doomed"]): Promise<void> {
  const rows = Map.groupBy(
    final.filter((line): line is MessageLine => line.type === "row"),
    chatKey,
  );
  const isComing = (reader: Progress) =>
    (doomed !== undefined && chatKey(reader) === chatKey(doomed) && !reader.isOver) ||
    (rows.get(chatKey(reader)) ?? []).some(
      ({ number, change = 0 }) => number > reader.number || (reader.changes.get(number) ?? change) < change,
    );
  const until = performance.now() + catchUpMs;
  while (load.progress().some(isComing) && performance.now() < until) await pause(100);
}
