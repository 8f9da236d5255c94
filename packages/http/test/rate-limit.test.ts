import { createLogger } from "@confab/runtime";
import { testStores } from "@confab/testkit";
import { expect } from "chai";
import { Redis } from "ioredis";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createRateLimit } from "../src/index.ts";
import { problemOf, startApp, type TestApp } from "./start-app.ts";

const logger = createLogger({ level: "silent", service: "test" });

describe("createRateLimit", () => {
  const apps: TestApp[] = [];
  const clients: Redis[] = [];
  const keyPrefix = `confab-test:${randomUUID()}`;

  function connect(url = testStores().redisUrl): Redis {
    const redis = new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
    redis.on("error", () => undefined);
    clients.push(redis);
    return redis;
  }

  async function connected(url?: string): Promise<Redis> {
    const redis = connect(url);
    await redis.ping();
    return redis;
  }

  // The timeout is long while Redis is available, so that a stalled disk does not make the process count on its own.
  async function start(redis: Redis, limit: number, windowSeconds = 60, timeoutMs = 10_000): Promise<TestApp> {
    const middleware = createRateLimit({ redis, limit, userShare: 1, windowSeconds, logger, keyPrefix, timeoutMs });
    const app = await startApp((router) => {
      router.use("/applications/:token", middleware);
      router.get("/applications/:token", (_req, res) => void res.end("served"));
    });
    apps.push(app);
    return app;
  }

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.stop()));
    for (const client of clients.splice(0)) client.disconnect();
  });

  it("counts down in the RateLimit headers, and refuses above the limit with 429", async () => {
    const app = await start(await connected(), 3);
    const url = `${app.url}/applications/${randomUUID()}`;
    for (const remaining of [2, 1, 0]) {
      const response = await fetch(url);
      expect(response.status).to.equal(200);
      expect(response.headers.get("ratelimit-policy")).to.equal('"requests";q=3;w=60');
      expect(response.headers.get("ratelimit")).to.match(new RegExp(`^"requests";r=${remaining};t=(59|60)$`));
    }
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const { status, headers, problem } = await problemOf(await fetch(url));
      expect(status).to.equal(429);
      expect(problem.type).to.match(/\/problems\/rate-limited$/);
      expect(Number(headers.get("retry-after"))).to.be.within(59, 60);
      expect(headers.get("ratelimit")).to.match(/^"requests";r=0;t=(59|60)$/);
    }
  });

  it("counts each application separately", async () => {
    const app = await start(await connected(), 1);
    const statuses = await Promise.all(
      [randomUUID(), randomUUID()].map(async (token) => (await fetch(`${app.url}/applications/${token}`)).status),
    );
    expect(statuses).to.deep.equal([200, 200]);
  });

  it("shares the count between processes, regardless of the token's case", async () => {
    const [first, second] = [await start(await connected(), 5), await start(await connected(), 5)];
    const token = randomUUID();
    const urls = Array.from({ length: 12 }, (_, index) =>
      index % 2 === 0 ? `${first.url}/applications/${token}` : `${second.url}/applications/${token.toUpperCase()}`,
    );
    const statuses = await Promise.all(urls.map(async (url) => (await fetch(url)).status));
    expect(statuses.filter((status) => status === 200)).to.have.length(5);
  });

  it("accepts requests of the application again when the window ends", async () => {
    const app = await start(await connected(), 1, 1);
    const url = `${app.url}/applications/${randomUUID()}`;
    expect((await fetch(url)).status).to.equal(200);
    const refused = await problemOf(await fetch(url));
    expect(refused.status).to.equal(429);
    const until = performance.now() + 3_000;
    let status = 429;
    while (status === 429 && performance.now() < until) status = (await fetch(url)).status;
    expect(status).to.equal(200);
  });

  it("writes no keys for invalid tokens", async () => {
    const redis = await connected();
    const app = await start(redis, 1);
    const response = await fetch(`${app.url}/applications/${"x".repeat(100)}`);
    expect(response.headers.get("ratelimit")).to.equal(null);
    expect(await redis.keys(`${keyPrefix}*x*`)).to.deep.equal([]);
  });

  it("counts in the process without delay while Redis refuses connections", async () => {
    const app = await start(connect("redis://127.0.0.1:1"), 2);
    const url = `${app.url}/applications/${randomUUID()}`;
    const began = performance.now();
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 3; attempt += 1) statuses.push((await fetch(url)).status);
    expect(statuses).to.deep.equal([200, 200, 429]);
    expect(performance.now() - began).to.be.below(10_000);
  });

  describe("behind a Redis that stops answering", () => {
    let frozen: Server;
    let held = false;
    const sockets: Socket[] = [];

    beforeEach(async () => {
      held = false;
      const target = new URL(testStores().redisUrl);
      frozen = createServer((socket) => {
        const upstream = new (socket.constructor as typeof Socket)();
        upstream.connect(Number(target.port || 6379), target.hostname);
        sockets.push(socket, upstream);
        socket.on("data", (chunk) => {
          if (!held) upstream.write(chunk);
        });
        upstream.on("data", (chunk) => socket.write(chunk));
        for (const end of [socket, upstream]) end.on("error", () => undefined);
      });
      frozen.listen(0, "127.0.0.1");
      await once(frozen, "listening");
    });
    afterEach(() => {
      for (const socket of sockets.splice(0)) socket.destroy();
      frozen.close();
    });

    it("lets one request wait until its timeout, and the next ones not at all", async () => {
      const through = new URL(testStores().redisUrl);
      through.port = String((frozen.address() as AddressInfo).port);
      const redis = await connected(through.href);
      const app = await start(redis, 100, 60, 150);
      const url = `${app.url}/applications/${randomUUID()}`;
      expect((await fetch(url)).headers.get("ratelimit")).to.match(/r=99;/);
      held = true;
      const began = performance.now();
      expect((await fetch(url)).status).to.equal(200);
      const waitedMs = performance.now() - began;
      expect(waitedMs).to.be.at.least(100);
      for (let attempt = 0; attempt < 50; attempt += 1) expect((await fetch(url)).status).to.equal(200);
      expect(performance.now() - began).to.be.below(50 * 100);
    });
  });
});
