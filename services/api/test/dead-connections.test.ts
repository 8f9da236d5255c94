import { eventually, hasElasticsearch, startProxy, testStores, useForAll, type Proxy } from "@confab/testkit";
import { expect } from "chai";
import { jsonOf, startApi, type Answer, type Api } from "./start.ts";
import { openWorld } from "./world.ts";

describe("the api with connections that died silently", () => {
  let proxies: Record<"redis" | "database" | "search", Proxy>;
  let api: Api;
  let path: string;
  const world = useForAll(openWorld);
  before(async () => {
    proxies = {
      redis: await startProxy({ target: testStores().redisUrl }),
      database: await startProxy({ target: world.url }),
      search: await startProxy({ target: hasElasticsearch() ? testStores().elasticsearchUrl : world.url }),
    };
    api = await startApi(
      { ...world, url: proxies.database.url },
      { REDIS_URL: proxies.redis.url, ...(hasElasticsearch() && { ELASTICSEARCH_URL: proxies.search.url }) },
    );
    await api.search.prepare();
    const chat = await world.newChat();
    path = `/applications/${chat.token}/chats/${chat.number}/messages`;
    await world.accept(chat, "one", "two", "three");
    await world.store((number) => number < 3);
    await eventually(async () => expect(numbersOf(await api.get(path))).to.deep.equal([1, 2, 3]));
  });
  after(async () => {
    await api.stop();
    await Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
    await world.store();
  });
  const numbersOf = (answer: Answer): unknown[] => (jsonOf(answer) as { number: number }[]).map(({ number }) => number);

  for (const store of ["redis", "database", "search"] as const) {
    it(`reads again within seconds after those to the ${store} died, including busy ones`, async () => {
      const read = async (): Promise<void> => {
        expect(numbersOf(await api.get(path))).to.deep.equal([1, 2, 3]);
        expect((await api.get(`${path}/search?q=one`)).status).to.equal(200);
      };
      await read();
      const busy = Array.from({ length: 30 }, () => api.get(`${path}/search?q=two`).then(() => api.get(path)));
      proxies[store].freeze();
      const began = performance.now();
      await eventually(read, { timeoutMs: 40_000 });
      expect(performance.now() - began).to.be.below(15_000);
      await Promise.all(busy);
      // This checks all sessions, not only the session that the reads above happened to use.
      await Promise.all(Array.from({ length: 20 }, read));
    });
  }
});
