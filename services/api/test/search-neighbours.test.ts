import { Agent } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { createElasticsearchIndex } from "@confab/search";
import { startService, testStores, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { removeIndex } from "./remove-index.ts";
import { statusOf } from "./status-of.ts";
import { openWorld, type Chat } from "./world.ts";

const [connections, seconds] = [12, 10];
const hostile = "ab".repeat(32_000);

describe("an application whose searches are expensive", function () {
  this.timeout(180_000);
  let [loud, quiet]: (Chat | undefined)[] = [];
  const world = useForAll(openWorld);
  const api = useForAll(() =>
    startService("api", {
      REDIS_URL: testStores().redisUrl,
      DATABASE_URL: world.url,
      REDIS_KEY_PREFIX: world.prefix,
      ELASTICSEARCH_URL: testStores().elasticsearchUrl,
      SEARCH_INDEX: world.index,
      APPLICATION_SEARCH_TIME: "300ms",
      APPLICATION_REQUEST_RATE: "100000",
      LOG_LEVEL: "error",
    }),
  );
  before(async () => {
    [loud, quiet] = [await world.newChat(), await world.newChat()];
    await world.accept(loud, ...Array<string>(400).fill(hostile));
    await world.accept(quiet, "one", "two");
    await world.store();
    const search = createElasticsearchIndex({ url: testStores().elasticsearchUrl, name: world.index });
    await search.prepare();
    for (const { id } of [loud, quiet]) {
      for (let from = 1; from < 400; from += 50) {
        const stored = await world.messages.inRanges([{ chatId: id, from, to: from + 49 }]);
        if (stored.length > 0) await search.index(stored, { refresh: true });
      }
    }
    await search.close();
  });
  after(async () => {
    await removeIndex(world.index);
  });
  const agent = new Agent({ keepAlive: true });
  after(() => {
    agent.destroy();
  });
  it("gets 429 once they have taken their time, and another application's continue", async () => {
    const query = new URLSearchParams({
      order: "relevance",
      q: `"${hostile.slice(0, 110)}" "${hostile.slice(1, 110)}"`,
    });
    let isLoud = true;
    const statuses = new Map<number | undefined, number>();
    const loudOnes = Array.from({ length: connections }, async () => {
      while (isLoud) {
        const status = await statusOf(`${api.url}/applications/${loud!.token}/search?${query.toString()}`, agent);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status !== 200) await pause(20);
      }
    });
    const times: number[] = [];
    const others: (number | undefined)[] = [];
    const deadline = performance.now() + 1_000 * seconds;
    while (performance.now() < deadline) {
      const began = performance.now();
      others.push(await statusOf(`${api.url}/applications/${quiet!.token}/search?q=two`, agent));
      times.push(performance.now() - began);
      await pause(200);
    }
    isLoud = false;
    await Promise.all(loudOnes);
    times.sort((a, b) => a - b);
    if (process.env.CONFAB_SHOW_FIGURES !== undefined) {
      const at = (part: number) => times[Math.floor(part * (times.length - 1))]?.toFixed(0);
      process.stdout.write(
        `another application: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; loud: ${JSON.stringify([...statuses])}\n`,
      );
    }
    expect(others.filter((status) => status !== 200)).to.deep.equal([]);
    expect(statuses.get(429)).to.be.greaterThan(0);
    expect([...statuses.keys()]).to.not.include(503);
  });
});
