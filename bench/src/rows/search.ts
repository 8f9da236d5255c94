import { setTimeout as sleep } from "node:timers/promises";
import { createElasticsearchIndex, rebuild, type ElasticsearchIndex } from "@confab/search";
import { startService } from "../services.ts";
import { environmentOf } from "../designs/design.ts";
import { hitsOf, textOf, wordOf, type Hit } from "../load/corpus.ts";
import { createTarget } from "../load/messages.ts";
import { figuresOfReads, readFigure, runReads, type ReadsOptions } from "../load/reads.ts";
import { storeMessages } from "../load/store.ts";
import { watchCpu } from "../processes.ts";
import { everyMessage } from "../verify.ts";
import { elasticsearchOf, openStores, type Kept, type Stores, type World } from "../world.ts";
import type { Measured, Row, Settings, Side } from "./row.ts";

const [small, large] = ["small index", "large index"];
const [inChat, inAll] = ["search in a chat", "search in all chats"];
const [smallSize, largeSize, quickSize] = [10_000, 1_000_000, 100_000];
const chats = 10;
const searchedChat = 5;
/** Number of hits on a page: the api's default. */
const perPage = 50;
const warmUpSeconds = 10;
/** Duration of the first warm-up, in which the JVM of Elasticsearch optimizes its code. */
const firstWarmUpSeconds = 40;
/**
 * Queries for a word that two thirds, 3 % or a thousandth of the texts contain, for parts of words, and for several
 * words.
 */
const queries = [
  wordOf(0),
  wordOf(50),
  wordOf(1_000),
  wordOf(40).slice(0, 3),
  wordOf(900).slice(1, 5),
  `${wordOf(0)} ${wordOf(1)}`,
  `${wordOf(3)} ${wordOf(60)}`,
  `${wordOf(2)} ${wordOf(700)}`,
];

export const searchRow: Row = {
  name: "search",
  title: "Searching in 1,000,000 documents",
  sides: ({ hasElasticsearch }) =>
    hasElasticsearch
      ? [sideOf(small, () => smallSize), sideOf(large, (isQuick) => (isQuick ? quickSize : largeSize))]
      : [],
  goals: [inChat, inAll].map((search) => ({
    title: `p95 of a ${search} with 1,000,000 documents, compared with 10,000`,
    figure: readFigure(search, "p95"),
    of: large,
    against: small,
    better: "lower",
    pass: 2,
    aim: 1.3,
  })),
};

function sideOf(name: string, documentsOf: (isQuick: boolean) => number): Side {
  return { name, measure: (world, settings) => measureSearch(world, settings, documentsOf(settings.isQuick)) };
}

async function measureSearch(world: World, { seconds, isQuick }: Settings, documents: number): Promise<Measured> {
  const elasticsearch = await elasticsearchOf(world);
  // Filling takes minutes, so all rounds search the same documents.
  const { stores, index, questions, fillSeconds } = await world.keep(`${documents} documents`, () =>
    fill(world, elasticsearch.url, documents),
  );
  const api = await startService("api", {
    ...environmentOf(stores),
    ELASTICSEARCH_URL: elasticsearch.url,
    SEARCH_INDEX: index,
    RATE_LIMITS: "off",
  });
  try {
    const search = (seconds: number) => runReads({ url: api.url, questions, seconds });
    await world.keep("warm searches", async () => ({
      value: await search(isQuick ? seconds : firstWarmUpSeconds),
      close: () => Promise.resolve(),
    }));
    const warmUp = await search(warmUpSeconds);
    const watch = watchCpu({ api: [api.pid], Elasticsearch: [elasticsearch.pid], MySQL: [stores.pids.mysql] });
    const result = await search(seconds);
    return {
      figures: {
        ...figuresOfReads(result, watch(), "search"),
        documents,
        "stored and indexed before, s": fillSeconds,
      },
      faults: [...warmUp.faults, ...result.faults],
    };
  } finally {
    await api.stop();
  }
}

interface Filled {
  readonly stores: Stores;
  readonly index: string;
  readonly questions: ReadsOptions["questions"];
  readonly fillSeconds: number;
}

/** Stores messages directly in MySQL, and indexes them like `confabctl search reindex`. */
async function fill(world: World, elasticsearchUrl: string, documents: number): Promise<Kept<Filled>> {
  const began = performance.now();
  const { value: stores, close } = await openStores(world, "always");
  try {
    const target = await createTarget(stores, chats);
    await storeMessages(stores, target, documents, textOf);
    const name = `search-${documents}`;
    const search = createElasticsearchIndex({ url: elasticsearchUrl, name });
    await search.prepare();
    const { rejected } = await rebuild(search, { scan: () => everyMessage(stores) });
    if (rejected.length > 0) throw new Error(`Elasticsearch refused ${rejected.length} documents`);
    await merged(search, name);
    await search.close();
    const fillSeconds = (performance.now() - began) / 1_000;
    const questions = questionsFor(target.token, documents);
    return { value: { stores, index: name, questions, fillSeconds }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Resolves when Elasticsearch runs no merges of the index. They would disturb the searches. */
async function merged({ connection: { client } }: ElasticsearchIndex, index: string): Promise<void> {
  for (;;) {
    const { _all } = await client.indices.stats({ index, metric: "merge" });
    if (_all.total?.merges?.current === 0) return;
    await sleep(500);
  }
}

function questionsFor(token: string, count: number): ReadsOptions["questions"] {
  const paths = {
    [inChat]: `/applications/${token}/chats/${searchedChat}/messages/search`,
    [inAll]: `/applications/${token}/search`,
  };
  return Object.fromEntries(
    Object.entries(paths).map(([search, path]) => {
      const chat = search === inChat ? searchedChat : undefined;
      const hits = hitsOf(queries, { count, chats, limit: perPage, chat });
      const list = queries.map((query, at) => ({
        path: `${path}?q=${encodeURIComponent(query)}`,
        isRight: (answer: unknown) => areHits(answer, hits[at]!),
      }));
      return [search, list];
    }),
  );
}

/** Returns whether an answer has exactly these hits in this order, with the right texts. */
export function areHits(answer: unknown, expected: readonly Hit[]): boolean {
  const found = answer as { chat_number: number; number: number; body: string }[];
  return (
    found.length === expected.length &&
    expected.every(({ chat, number }, at) => {
      const hit = found[at]!;
      const body = textOf((number - 1) * chats + chat - 1);
      return hit.chat_number === chat && hit.number === number && hit.body === body;
    })
  );
}
