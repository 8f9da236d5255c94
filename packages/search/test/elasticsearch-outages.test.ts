import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect } from "chai";
import { eventually, startProxy, testStores, uniquePrefix, useForEach } from "@confab/testkit";
import { createElasticsearchIndex, SearchUnavailable } from "@confab/search";
import { createTestIndex } from "./backends.ts";
import { messageOf, messagesOf, newChat } from "./documents.ts";
import { failure } from "./failure.ts";

describe("the Elasticsearch index", () => {
  const es = useForEach(createTestIndex);

  it("reports within a second that no server is listening", async () => {
    const unavailable = createElasticsearchIndex({ url: "http://user:secret@127.0.0.1:9", name: "unavailable" });
    const started = performance.now();
    const errors = await Promise.all([
      failure(unavailable.search({ chatId: 1n, q: "x", limit: 1 })),
      failure(unavailable.index([messageOf(1n, 1, "x")])),
      failure(unavailable.ping()),
      failure(unavailable.prepare()),
    ]);
    expect(performance.now() - started).to.be.below(10_000);
    for (const error of errors) {
      expect(error).to.be.instanceOf(SearchUnavailable);
      expect(String(error)).not.to.contain("secret");
    }
    await unavailable.close();
  });

  it("spends one timeout on a search, although it asks twice for a large page", async () => {
    const chatId = newChat();
    await es.index(messagesOf(chatId, ["hello"]), { refresh: true });
    const proxy = await startProxy({ target: testStores().elasticsearchUrl });
    const behind = createElasticsearchIndex({ url: proxy.url, name: es.connection.readAlias, requestTimeoutMs: 1_000 });
    try {
      await behind.ping();
      proxy.delay(300);
      expect((await behind.search({ chatId, q: "hello", limit: 1 })).hits).to.have.lengthOf(1);
      expect(await failure(behind.search({ chatId, q: "hello", limit: 50 }))).to.be.instanceOf(SearchUnavailable);
      const across = (limit: number) => behind.searchApplication({ applicationId: 7n, q: "hello", limit });
      expect((await across(1)).hits).to.have.lengthOf(1);
      expect(await failure(across(50))).to.be.instanceOf(SearchUnavailable);
    } finally {
      await behind.close();
      await proxy.close();
    }
  });

  it("ends a search at once when nobody waits for it any more, and does not begin one", async () => {
    const chatId = newChat();
    const proxy = await startProxy({ target: testStores().elasticsearchUrl });
    const behind = createElasticsearchIndex({
      url: proxy.url,
      name: es.connection.readAlias,
      requestTimeoutMs: 20_000,
    });
    const searches = {
      search: (signal: AbortSignal) => behind.search({ chatId, q: "x", limit: 1, signal }),
      searchApplication: (signal: AbortSignal) =>
        behind.searchApplication({ applicationId: 1n, q: "x", limit: 1, signal }),
      countHits: (signal: AbortSignal) => behind.countHits({ applicationId: 1n, q: "x", limit: 1, signal }),
    };
    try {
      await behind.ping();
      for (const [name, run] of Object.entries(searches)) {
        const held = proxy.intercept("/_search", "hold-answer");
        const leaving = new AbortController();
        const running = failure(run(leaving.signal));
        await held.happened;
        const began = performance.now();
        leaving.abort();
        expect(await running, name).to.be.instanceOf(SearchUnavailable);
        expect(await failure(run(leaving.signal)), name).to.be.instanceOf(SearchUnavailable);
        expect(performance.now() - began, name).to.be.below(5_000);
        held.end();
      }
    } finally {
      await behind.close();
      await proxy.close();
    }
  });

  it("times out without an answer, fails fast while Elasticsearch is unavailable, and recovers by itself", async () => {
    const chatId = newChat();
    const proxy = await startProxy({ target: testStores().elasticsearchUrl });
    const timeouts = { requestTimeoutMs: 300, bulkTimeoutMs: 1000 };
    const behind = createElasticsearchIndex({ url: proxy.url, name: es.connection.readAlias, ...timeouts });
    const unavailable = async (request: () => Promise<unknown>) => {
      const started = performance.now();
      expect(await failure(request())).to.be.instanceOf(SearchUnavailable);
      expect(performance.now() - started).to.be.below(10_000);
    };
    const search = () => behind.search({ chatId, q: "again", limit: 1 });
    const index = () => behind.index([messageOf(chatId, 1, "again")], { refresh: true });
    try {
      await behind.ping();
      proxy.pause();
      await unavailable(search);
      await unavailable(index);
      proxy.resume();
      await proxy.cut();
      await unavailable(search);
      await unavailable(index);
      await proxy.restore();
      await eventually(index);
      expect((await search()).hits).to.have.lengthOf(1);
    } finally {
      await behind.close();
      await proxy.close();
    }
  });

  it("times out on a server that does not accept the connection, such as a deleted pod", async () => {
    const silent = await startSilentServer();
    const index = createElasticsearchIndex({ url: silent.url, requestTimeoutMs: 300 });
    try {
      for (let time = 0; time < 2; time++) {
        const started = performance.now();
        expect(await failure(index.search({ chatId: newChat(), q: "again", limit: 1 }))).to.be.instanceOf(
          SearchUnavailable,
        );
        // By itself, the client would try to connect for ten seconds.
        expect(performance.now() - started).to.be.below(5_000);
      }
    } finally {
      silent.stop();
    }
  }).timeout(60_000);

  it("answers through the remaining node when another one is unavailable", async () => {
    const chatId = newChat();
    await es.index([messageOf(chatId, 1, "still here")], { refresh: true });
    const url = `http://127.0.0.1:9,${testStores().elasticsearchUrl}`;
    const both = createElasticsearchIndex({ url, name: es.connection.readAlias });
    for (let time = 0; time < 4; time++) {
      expect((await both.search({ chatId, q: "still", limit: 1 })).hits).to.have.lengthOf(1);
    }
    await both.close();
  });

  it("does not use the index of another name", async () => {
    const name = uniquePrefix("search");
    const other = createElasticsearchIndex({ url: testStores().elasticsearchUrl, name });
    expect(await failure(other.search({ chatId: 1n, q: "x", limit: 1 }))).to.be.instanceOf(SearchUnavailable);
    await other.close();
  });
});

/** Opens a port with a full connection queue whose process is stopped, so that every new connection waits. */
async function startSilentServer(): Promise<{ url: string; stop(): void }> {
  const program = `require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () {
    console.log(this.address().port);
  })`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(line.toString());
  child.kill("SIGSTOP");
  const waiting: Socket[] = Array.from({ length: 8 }, () => connect(port, "127.0.0.1").on("error", () => undefined));
  await new Promise((resolve) => setTimeout(resolve, 200));
  return {
    url: `http://127.0.0.1:${port}`,
    stop() {
      for (const socket of waiting) socket.destroy();
      child.kill("SIGKILL");
    },
  };
}
