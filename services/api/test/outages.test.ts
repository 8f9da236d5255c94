import { eventually, startProxy, useForAll, type Proxy } from "@confab/testkit";
import { expect } from "chai";
import { jsonOf, linksOf, problemOf, startApi, type Answer, type Api } from "./start.ts";
import { openWorldWithRedis, type Chat } from "./world.ts";

const timed = async (work: Promise<Answer>): Promise<{ answer: Answer; ms: number }> => {
  const began = performance.now();
  const answer = await work;
  return { answer, ms: performance.now() - began };
};

describe("the api without a store", () => {
  let database: Proxy;
  let between: Proxy;
  let api: Api;
  let chat: Chat;
  let path: string;

  const world = useForAll(openWorldWithRedis);
  beforeEach(async () => {
    await world.server.start();
    database = await startProxy({ target: world.url });
    between = await startProxy({ target: world.server.url });
    api = await startApi({ ...world, url: database.url }, { REDIS_URL: between.url, RATE_LIMITS: "on" });
    chat = await world.newChat();
    path = `/applications/${chat.token}/chats/${chat.number}/messages`;
    await world.accept(chat, "one", "two", "three");
    await world.store((number) => number < 3);
    const all = await eventually(async () => numbersOf(await api.get(path)));
    expect(all).to.deep.equal([1, 2, 3]);
  });
  afterEach(async () => {
    between.resume();
    database.resume();
    await api.stop();
    await Promise.all([database.close(), between.close()]);
    await world.store();
  });
  const numbersOf = (answer: Answer): unknown[] => (jsonOf(answer) as { number: number }[]).map(({ number }) => number);

  for (const failure of ["is unavailable", "is silent"]) {
    it(`serves stored messages while Redis ${failure}, and does not answer 404 for a message that may be pending`, async () => {
      if (failure === "is unavailable") await between.cut();
      else between.pause();

      for (const order of ["asc", "desc"]) {
        const { answer, ms } = await timed(api.get(`${path}?order=${order}`));
        expect(numbersOf(answer)).to.deep.equal(order === "asc" ? [1, 2] : [2, 1]);
        expect(ms).to.be.below(10_000);
      }
      expect(jsonOf(await api.get(`${path}/2`))).to.include({ body: "two" });
      const { answer, ms } = await timed(api.get(`${path}/3`));
      expect(problemOf(answer, "service-unavailable").detail).to.include(
        "Redis, which may have it as pending, is unavailable",
      );
      expect(ms).to.be.below(10_000);
      expect((await api.send("POST", `/applications/${chat.token}/chats`)).status).to.equal(201);

      if (failure === "is unavailable") await between.restore();
      else between.resume();
      await eventually(async () => expect(numbersOf(await api.get(path))).to.deep.equal([1, 2, 3]));
      expect(jsonOf(await api.get(`${path}/3`))).to.include({ body: "three" });
    });
  }

  it("skips no message that may be pending while Redis is unavailable, going up or down, and passes dead letters", async () => {
    const [tooLong, last] = ["x".repeat(65_536), 8];
    // 1, 2, 4, 5 and 8 are stored, 3 and 7 are pending, and 6 is a dead letter.
    await world.accept(chat, "four", "five", tooLong, "seven", "eight");
    await world.store((number) => number !== 3 && number !== 7);
    await between.cut();
    expect(numbersOf(await api.get(path))).to.deep.equal([1, 2]);
    expect(numbersOf(await api.get(`${path}?after=2`))).to.deep.equal([]);
    expect(numbersOf(await api.get(`${path}?after=3`))).to.deep.equal([4, 5]);
    expect(numbersOf(await api.get(`${path}?after=3&limit=1`))).to.deep.equal([4]);

    const top = await api.get(`${path}?order=desc`);
    expect(numbersOf(top)).to.deep.equal([last]);
    const { next = "" } = linksOf(top);
    expect(problemOf(await api.get(next), "service-unavailable").detail).to.include("number 7");
    expect(numbersOf(await api.get(`${path}?order=desc&before=7`))).to.deep.equal([5, 4]);
    expect(numbersOf(await api.get(`${path}?before=3`))).to.deep.equal([1, 2]);

    await between.restore();
    await eventually(async () => expect(numbersOf(await api.get(path))).to.deep.equal([1, 2, 3, 4, 5, 7, 8]));
    expect(numbersOf(await api.get(next))).to.deep.equal([7, 5, 4, 3, 2, 1]);
  });

  for (const failure of ["is unavailable", "is silent"]) {
    it(`answers 503 soon while MySQL ${failure}, and serves again afterwards`, async () => {
      if (failure === "is unavailable") await database.cut();
      else database.pause();

      const requests: [method: string, path: string, body?: unknown][] = [
        ["GET", path],
        ["GET", `${path}/1`],
        ["GET", `${path}/search?q=one`],
        ["GET", `/applications/${chat.token}`],
        ["GET", "/applications"],
        ["POST", "/applications", { name: "x" }],
        ["POST", `/applications/${chat.token}/chats`],
        ["PATCH", `/applications/${chat.token}/chats/1`, { name: "x" }],
      ];
      const answers = await Promise.all(
        requests.map(([method, target, body]) => timed(api.send(method, target, body))),
      );
      for (const { answer, ms } of answers) {
        problemOf(answer, "storage-unavailable");
        expect(ms).to.be.below(10_000);
      }
      expect((await api.get("/openapi.json")).status).to.equal(200);
      await api.health.refresh();
      expect(api.health.ready().ok, "ready, because this process answers clients with the reason").to.equal(true);
      expect(api.health.ready().checks.database).to.include({ ok: false, critical: true });
      expect(await api.metrics.registry.metrics()).to.match(/^confab_dependency_up\{.*"database".*\} 0$/m);

      if (failure === "is unavailable") await database.restore();
      else database.resume();
      await eventually(async () => expect(numbersOf(await api.get(path))).to.deep.equal([1, 2, 3]));
    });
  }
});
