import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { createElasticsearchIndex, type ElasticsearchIndex } from "@confab/search";
import { uniquePrefix, type ServiceHandle } from "@confab/testkit";
import { startService } from "../services.ts";
import { environmentOf } from "../designs/design.ts";
import { startConstantDepth } from "../load/constant-depth.ts";
import { prepareRequests } from "../load/messages.ts";
import { cpuFiguresOf, watchCpu, type Watched } from "../processes.ts";
import { countOf, faultsOfIndex, readStored } from "../verify.ts";
import { elasticsearchOf, withStores, type World } from "../world.ts";
import type { RawBulk } from "../designs/raw-bulk.ts";
import type { Measured, Row, Settings, Side } from "./row.ts";

const [raw, ours] = ["raw _bulk", "Confab"];
const searchableFigure = "searchable, messages/s";
const chats = 100;
const perRequest = 100;
/**
 * Number of accepted messages that are not yet searchable. It must cover a few seconds, because Elasticsearch makes new
 * messages searchable only once per second.
 */
const depth = 20_000;
const warmUpSeconds = 10;
/** Duration of the first warm-up. The JVM of Elasticsearch needs a minute to optimize its code. */
const firstWarmUpSeconds = 60;
const pollMs = 20;
const limitMs = 180_000;

export const endToEndRow: Row = {
  name: "end-to-end",
  title: `From POST to searchable, with ${depth.toLocaleString("en")} messages under way`,
  sides: ({ hasElasticsearch }) =>
    hasElasticsearch
      ? [
          { name: raw, measure: warmed(measureRawBulk) },
          { name: ours, measure: warmed(measureConfab) },
        ]
      : [],
  goals: [
    {
      title: "searchable/s from POST, compared with raw bulk requests",
      figure: searchableFigure,
      of: ours,
      against: raw,
      better: "higher",
      pass: 0.6,
      aim: 0.85,
    },
  ],
};

/** Wraps a measurement so that Elasticsearch indexes documents for a while before the first measurement of the run. */
function warmed(measure: Side["measure"]): Side["measure"] {
  return async (world, settings) => {
    const seconds = settings.isQuick ? settings.seconds : firstWarmUpSeconds;
    await world.keep("warm Elasticsearch", async () => ({
      value: await measureRawBulk(world, { ...settings, seconds }),
      close: () => Promise.resolve(),
    }));
    return measure(world, settings);
  };
}

async function measureRawBulk(world: World, settings: Settings): Promise<Measured> {
  return withIndex(world, async ({ url, pid }, search, index) => {
    await search.prepare();
    const child = fork(new URL(import.meta.resolve("../designs/raw-bulk.ts")), {
      execArgv: ["--conditions=@confab/source"],
    });
    const searchable = watchSearchable(search);
    try {
      child.send({ url, index, chats } satisfies RawBulk);
      await sleep(1_000 * warmUpSeconds);
      const figures = await measureRate(searchable, settings, { client: [child.pid!], Elasticsearch: [pid] });
      child.send("end");
      const [documents] = (await once(child, "message", { signal: AbortSignal.timeout(limitMs) })) as [number];
      await searchable.reach(documents);
      const count = searchable.count();
      return {
        figures,
        faults: count === documents ? [] : [`${documents} documents were indexed, ${count} are searchable`],
      };
    } finally {
      child.kill();
      await searchable.stop();
    }
  });
}

async function measureConfab(world: World, settings: Settings): Promise<Measured> {
  return withIndex(world, ({ url, pid }, search, index) =>
    withStores(world, "always", async (stores) => {
      const { target, requests } = await prepareRequests(world, stores, { chats, perRequest });
      const env = { ...environmentOf(stores), ELASTICSEARCH_URL: url, SEARCH_INDEX: index, RATE_LIMITS: "off" };
      const services: ServiceHandle[] = [];
      const searchable = watchSearchable(search);
      try {
        services.push(await startService("worker", env), await startService("ingest", env));
        const [worker, ingest] = services as [ServiceHandle, ServiceHandle];
        const load = await startConstantDepth({ url: ingest.url, requests, depth, done: searchable.count });
        await sleep(1_000 * warmUpSeconds);
        const before = load.backlog();
        const figures = await measureRate(searchable, settings, {
          ingest: [ingest.pid],
          worker: [worker.pid],
          Elasticsearch: [pid],
          Redis: [stores.pids.redis],
          MySQL: [stores.pids.mysql],
        });
        const after = load.backlog();
        const { accepted, faults } = await load.end();
        await searchable.reach(accepted);
        const stored = await readStored(stores, target);
        const count = countOf(stored);
        return {
          figures: { ...figures, "under way at the end, messages": after },
          faults: [
            ...faults,
            ...stored.faults,
            ...(await faultsOfIndex(stores, search)),
            ...(count === accepted ? [] : [`${accepted} messages were accepted, ${count} are stored`]),
            ...(Math.min(before, after) > depth / 2 ? [] : ["the load could not keep enough messages under way"]),
          ],
        };
      } finally {
        await searchable.stop();
        await Promise.all(services.map((service) => service.stop()));
      }
    }),
  );
}

/** Runs the work with a separate index, and removes the index afterwards. */
async function withIndex(
  world: World,
  work: (
    elasticsearch: { readonly url: string; readonly pid: number },
    search: ElasticsearchIndex,
    index: string,
  ) => Promise<Measured>,
): Promise<Measured> {
  const elasticsearch = await elasticsearchOf(world);
  const index = uniquePrefix("bench");
  const search = createElasticsearchIndex({ url: elasticsearch.url, name: index });
  const { client } = search.connection;
  try {
    return await work(elasticsearch, search, index);
  } finally {
    const found = await client.indices.getAlias({ name: index }, { ignore: [404] });
    if (!("error" in found)) await client.indices.delete({ index: Object.keys(found) });
    await search.close();
  }
}

interface Searchable {
  readonly count: () => number;
  /** Resolves when at least this many documents are searchable, or when the time limit is reached. */
  reach(documents: number): Promise<void>;
  /** Resolves when the number of searchable documents changes, or when the time limit is reached. */
  changed(): Promise<{ readonly count: number; readonly at: number }>;
  stop(): Promise<void>;
}

/**
 * Polls the number of searchable documents in an index. Without these searches, Elasticsearch would not refresh the
 * index.
 */
function watchSearchable({ connection: { client, readAlias } }: ElasticsearchIndex): Searchable {
  let [current, isStopping] = [0, false];
  const polling = (async () => {
    while (!isStopping) {
      // The count fails while the worker is creating the index.
      const answer = await client.count({ index: readAlias }).catch(() => undefined);
      current = answer?.count ?? current;
      await sleep(pollMs);
    }
  })();
  return {
    count: () => current,
    async reach(documents) {
      const deadline = performance.now() + limitMs;
      while (current < documents && performance.now() < deadline) await sleep(pollMs);
    },
    async changed() {
      const before = current;
      const deadline = performance.now() + limitMs;
      while (current === before && performance.now() < deadline) await sleep(pollMs / 4);
      return { count: current, at: performance.now() };
    },
    async stop() {
      isStopping = true;
      await polling;
    },
  };
}

/** Measures the rate from one refresh to a later one, so that the interval between refreshes does not matter. */
async function measureRate(searchable: Searchable, { seconds }: Settings, watched: Watched) {
  const first = await searchable.changed();
  const watch = watchCpu(watched);
  await sleep(1_000 * seconds);
  const last = await searchable.changed();
  const documents = last.count - first.count;
  return {
    [searchableFigure]: (1_000 * documents) / (last.at - first.at),
    ...cpuFiguresOf(watch(), "message", documents),
  };
}
