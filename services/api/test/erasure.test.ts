import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chatSchema, fillPath, routes, type Route } from "@confab/contracts";
import { createErasures, maxOpenErasures } from "@confab/database";
import { createPendingErasure } from "@confab/pending";
import { startProxy, startRedis, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { createErase } from "../src/changing/erase.ts";
import { inputs } from "./inputs.ts";
import { follow, jsonOf, problemOf, startApi, useApi, type Api } from "./start.ts";

describe("deleting chats and applications", function () {
  this.timeout(60_000);
  const { world, api } = useApi();
  const chat = useForEach(() => world.newChat());
  beforeEach(async () => {
    await world.accept(chat, "one", "two");
    await world.store((number) => number === 1);
  });

  /** Calls every route of the api that has this parameter, except the deletion. */
  async function eachRouteWith(
    parameter: "token" | "chat",
    check: (route: Route, answer: Awaited<ReturnType<Api["send"]>>) => void,
  ) {
    // A repeated deletion is answered like the first one.
    const deletion = parameter === "chat" ? "deleteChat" : "deleteApplication";
    const params = { token: chat.token, chat: chat.number, message: 1, reader: "r", key: "unknown0" };
    const matching = Object.entries<Route>(routes).filter(
      ([, { service, params: names, operationId }]) =>
        service === "api" && names.includes(parameter) && operationId !== deletion,
    );
    expect(matching.length).to.be.above(10);
    for (const [name, route] of matching) {
      const { body, query = "" } = inputs[name as keyof typeof routes] ?? {};
      check(route, await api.send(route.method.toUpperCase(), fillPath(route.path, params) + query, body));
    }
  }

  it("answers every route of a deleted chat with 404, and takes nothing from its neighbours", async () => {
    const path = `/applications/${chat.token}/chats`;
    jsonOf(await api.send("POST", path), 201);
    const deleted = await api.send("DELETE", `${path}/1`);
    expect([deleted.status, deleted.text]).to.deep.equal([204, ""]);
    await eachRouteWith("chat", (route, answer) => {
      expect(problemOf(answer, "chat-not-found").detail, route.operationId).to.include("no chat 1");
    });
    expect(jsonOf(await api.get(`/applications/${chat.token}`))).to.include({ chats_count: 1 });
    const { pages } = await follow(chatSchema, api, path, "next");
    expect(pages.flat().map(({ number }) => number)).to.deep.equal([2]);
    expect(jsonOf(await api.send("POST", path), 201), "its number is not used again").to.include({ number: 3 });
  });

  it("answers every route of a deleted application with 404", async () => {
    expect((await api.send("DELETE", `/applications/${chat.token}`)).status).to.equal(204);
    await eachRouteWith("token", (_, answer) => problemOf(answer, "application-not-found"));
    expect((await api.get("/applications?limit=200")).text).to.not.include(chat.token);
  });

  it("marks what it deleted in Redis, so that ingest refuses it at once", async () => {
    const other = await world.newChat();
    await api.send("DELETE", `/applications/${chat.token}/chats/1`);
    await api.send("DELETE", `/applications/${other.token}`);
    expect(await world.redis.zrange(`${world.prefix}:{p0}:erased`, "0", "-1")).to.include.members([
      `${chat.token}:1`,
      other.token,
    ]);
  });

  it("records the erasure of a sender", async () => {
    const path = `/applications/${chat.token}/erasures`;
    const key = { "idempotency-key": "k" };
    const recorded = await api.send("POST", path, { sender: "anna" }, key);
    expect(jsonOf(recorded, 202)).to.include({ application_token: chat.token, sender: "anna" });
    const epochInRedis = () => world.redis.hget(`${world.prefix}:{p0}:epochs`, chat.token);
    const { epoch } = await world.database.prisma.application.findUniqueOrThrow({ where: { token: chat.token } });
    expect(await epochInRedis()).to.equal(String(epoch));
    const repeated = await api.send("POST", path, { sender: "anna" }, key);
    expect(jsonOf(repeated, 202)).to.deep.equal(jsonOf(recorded, 202));
    expect(repeated.headers.get("idempotent-replayed")).to.equal("true");
    expect(await epochInRedis()).to.equal(String(epoch));
    problemOf(await api.send("POST", path, { sender: "ben" }, key), "idempotency-conflict");
    expect(await createErasures(world.database).findSender(chat.token, "anna")).to.include({ finishedAt: null });
    const refused = problemOf(await api.send("POST", path, {}), "validation-failed");
    expect(refused.errors?.map(({ pointer }) => pointer)).to.deep.equal(["/sender"]);
    expect(await createErasures(world.database).find(chat.token), "the application is not deleted").to.equal(undefined);
  });

  it("begins an epoch above that of Redis if MySQL has lost that one, before it answers", async () => {
    const key = `${world.prefix}:{p0}:epochs`;
    await world.redis.hset(key, chat.token, 900_000_000_000);
    jsonOf(await api.send("POST", `/applications/${chat.token}/erasures`, { sender: "anna" }), 202);
    const erasure = await createErasures(world.database).findSender(chat.token, "anna");
    expect(erasure?.epoch).to.equal(900_000_000_001);
    expect(await world.redis.hget(key, chat.token)).to.equal("900000000001");
  });

  it("gives two requests at once epochs above that of Redis, and Redis the later one before it is answered", async () => {
    const key = `${world.prefix}:{p0}:epochs`;
    const inRedis = async () => Number(await world.redis.hget(key, chat.token));
    await world.redis.hset(key, chat.token, 900_000_000_000);
    const pendingErasure = createPendingErasure(world.redis, { prefix: world.prefix, partitions: 1 });
    const erasures = createErasures(world.database);
    const endStreams = () => Promise.resolve();
    const request = { by: { name: "tests" }, idempotency: undefined };
    // The two instances represent two processes. In one process, requests of an application would wait for each other.
    const late = Promise.withResolvers<undefined>();
    const recorded = Promise.withResolvers<undefined>();
    const one = createErase({
      erasures,
      endStreams,
      pendingErasure: {
        ...pendingErasure,
        async beginEpoch(...args) {
          recorded.resolve(undefined);
          await late.promise;
          await pendingErasure.beginEpoch(...args);
        },
      },
    });
    const other = createErase({ erasures, endStreams, pendingErasure });
    const held = one.sender(chat.token, "anna", request);
    await recorded.promise;
    await other.sender(chat.token, "ben", request);
    expect(await inRedis(), "messages of ben from now on are kept").to.equal(900_000_000_002);
    late.resolve(undefined);
    await held;
    expect(await inRedis()).to.equal(900_000_000_002);
    expect(await erasures.findSender(chat.token, "anna")).to.include({ epoch: 900_000_000_001 });
    expect(await erasures.findSender(chat.token, "ben")).to.include({ epoch: 900_000_000_002 });
  });

  it("refuses the erasure of one sender more than an application may have open", async () => {
    const path = `/applications/${chat.token}/erasures`;
    const { applicationId } = await world.database.prisma.chat.findUniqueOrThrow({ where: { id: chat.id } });
    await world.database.prisma.erasure.createMany({
      data: Array.from({ length: maxOpenErasures }, (_, at) => ({
        token: chat.token,
        applicationId,
        sender: Buffer.from(`sender ${at}`),
        epoch: 1,
        requestedAt: new Date(),
      })),
    });
    const refused = await api.send("POST", path, { sender: "one more" });
    problemOf(refused, "too-many-erasures");
    expect(refused.headers.get("retry-after")).to.equal("60");
    jsonOf(await api.send("POST", path, { sender: "sender 7" }), 202);
  });

  it("deletes once if two requests come at the same time", async () => {
    const answers = await Promise.all([1, 2, 3].map(() => api.send("DELETE", `/applications/${chat.token}/chats/1`)));
    expect(answers.map(({ status }) => status)).to.deep.equal([204, 204, 204]);
    expect(jsonOf(await api.get(`/applications/${chat.token}`))).to.include({ chats_count: 0 });
  });

  it("answers 204 only when Redis has the mark, and deletes nothing while the database is unavailable", async () => {
    const folder = await mkdtemp(join(tmpdir(), "confab-api-"));
    const redis = await startRedis({ dir: folder });
    const database = await startProxy({ target: world.url });
    const cutOff = await startApi({ ...world, url: database.url }, { REDIS_URL: redis.url });
    const path = `/applications/${chat.token}/chats/1`;
    try {
      await redis.kill();
      database.pause();
      problemOf(await cutOff.send("DELETE", path), "storage-unavailable");
      database.resume();
      expect(jsonOf(await api.get(path)), "the late write is not carried out").to.include({ number: 1 });
      const unmarked = problemOf(await cutOff.send("DELETE", path), "service-unavailable");
      expect(unmarked.detail).to.include("The chat is deleted, but Redis did not confirm it");
      problemOf(await api.get(path), "chat-not-found");
      problemOf(await cutOff.send("DELETE", path), "service-unavailable");
      const sender = `/applications/${chat.token}/erasures`;
      problemOf(await cutOff.send("POST", sender, { sender: "anna" }), "service-unavailable");
      problemOf(await cutOff.send("DELETE", `/applications/${chat.token}`), "service-unavailable");
      const mark = () => world.redis.zscore(`${world.prefix}:{p0}:erased`, `${chat.token}:1`);
      expect(await mark()).to.equal(null);
      expect((await api.send("DELETE", path)).status, "a repetition sets the mark").to.equal(204);
      expect(await mark()).to.not.equal(null);
      expect((await api.send("DELETE", `/applications/${chat.token}`)).status).to.equal(204);
    } finally {
      await cutOff.stop();
      await database.close();
      await redis.kill();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
