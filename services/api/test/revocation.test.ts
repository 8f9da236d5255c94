import { setTimeout as sleep } from "node:timers/promises";
import { startProxy, startService, testStores, useForAll, type ServiceHandle } from "@confab/testkit";
import { expect } from "chai";
import { openStream, type EventReader } from "./event-reader.ts";
import { keyMaker } from "./key-world.ts";
import { openWorld, type Chat } from "./world.ts";

const admin = { authorization: "Bearer admin-key-for-tests" };
/**
 * Maximum time in ms until an announced revocation takes effect. It is much shorter than the time after which a process
 * notices a revocation by itself, and much longer than a message through Redis takes.
 */
const announcedMs = 3_000;
/**
 * Maximum time in ms until an unannounced revocation takes effect. A process rereads the keys in use after at most 10
 * s. The rest allows for a busy machine.
 */
const unannouncedMs = 15_000;

describe("a key that is revoked while three processes use it", function () {
  this.timeout(120_000);
  let api: ServiceHandle;
  let ingest: ServiceHandle;
  let cutOff: ServiceHandle;
  let chat: Chat;
  const world = useForAll(openWorld);
  const keys = useForAll(() => keyMaker(world));
  const proxy = useForAll(() => startProxy({ target: testStores().redisUrl }));
  before(async () => {
    const env = {
      DATABASE_URL: world.url,
      REDIS_KEY_PREFIX: world.prefix,
      RATE_LIMITS: "off",
      REQUIRE_KEYS: "on",
      ADMIN_API_KEY: "admin-key-for-tests",
    };
    [api, ingest, cutOff] = await Promise.all([
      startService("api", env),
      startService("ingest", env),
      startService("api", { ...env, REDIS_URL: proxy.url }),
    ]);
    chat = await world.newChat();
  });
  after(async () => {
    await Promise.all([api.stop(), ingest.stop(), cutOff.stop()]);
  });

  const read = (service: ServiceHandle, headers: Record<string, string>) =>
    fetch(`${service.url}/applications/${chat.token}`, { headers });
  const send = (headers: Record<string, string>) =>
    fetch(`${ingest.url}/messages`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ application_token: chat.token, chat_number: chat.number, body: "hello" }),
    });
  const stream = (service: ServiceHandle, headers: Record<string, string>) =>
    openStream(`${service.url}/applications/${chat.token}/chats/${chat.number}/messages/stream`, headers);

  /** Uses a key repeatedly. Resolves with the time at which it was refused. */
  async function untilRefused(use: () => Promise<Response>): Promise<number> {
    for (;;) {
      const { status, body } = await use();
      await body?.cancel();
      if (status === 401) return performance.now();
      expect(status).to.be.oneOf([200, 201]);
      await sleep(20);
    }
  }

  async function untilEnded(reader: EventReader): Promise<number> {
    while (!reader.isOver()) await sleep(20);
    expect(reader.events.at(-1)).to.deep.include({ event: "goodbye" });
    expect(reader.events.at(-1)?.data).to.include({ reason: "access-ended" });
    return performance.now();
  }

  it("ends within a second where Redis announces it, and within 10 s where it does not; so do open streams", async () => {
    const { keyId, headers } = await keys.make(chat.token);
    const readers = [await stream(api, headers), await stream(cutOff, headers)] as const;
    const uses = [() => read(api, headers), () => send(headers), () => read(cutOff, headers)] as const;
    for (const use of uses) expect((await use()).status).to.be.oneOf([200, 201]);
    const silent = await world.newChat(chat.token);
    const poll = `${api.url}/applications/${chat.token}/chats/${silent.number}/messages?after=0&wait=30`;
    const waiting = fetch(poll, { headers });
    await proxy.cut();
    const ends = Promise.all([...uses.map(untilRefused), ...readers.map(untilEnded)]);
    await sleep(200);

    const path = `${api.url}/applications/${chat.token}/keys/${keyId}`;
    const began = performance.now();
    expect((await fetch(path, { method: "DELETE", headers: admin })).status).to.equal(204);
    const names = ["same process", "ingest", "cut off from Redis", "stream", "stream of the process cut off"];
    const took = Object.fromEntries((await ends).map((end, at) => [names[at]!, Math.round(end - began)]));
    await proxy.restore();
    expect((await waiting).status, "of a request that waited").to.equal(401);
    for (const name of names) {
      expect(took[name], name).to.be.below(name.includes("cut off") ? unannouncedMs : announcedMs);
    }
  });

  it("ends in no process before its expiry, and in all of them then, with its streams", async () => {
    const expiresAt = new Date(Date.now() + 3_000);
    const { headers } = await keys.make(chat.token, { expiresAt });
    const reader = await stream(api, headers);
    const uses = [() => read(api, headers), () => send(headers), () => read(cutOff, headers)];
    for (const use of uses) expect((await use()).status).to.be.oneOf([200, 201]);
    await Promise.all([...uses.map(untilRefused), untilEnded(reader)]);
    const late = Date.now() - expiresAt.getTime();
    expect(late).to.be.within(0, announcedMs);
  });

  it("is refused at once in a process whose connections died silently some seconds before", async () => {
    const { keyId, headers } = await keys.make(chat.token);
    expect((await read(cutOff, headers)).status).to.equal(200);
    proxy.freeze();
    await sleep(8_000);
    expect((await read(cutOff, headers)).status).to.equal(200);
    const began = performance.now();
    await fetch(`${api.url}/applications/${chat.token}/keys/${keyId}`, { method: "DELETE", headers: admin });
    expect((await untilRefused(() => read(cutOff, headers))) - began).to.be.below(announcedMs);
  });

  it("is refused in a process that is connected again, although the announcement passed it by", async () => {
    const { keyId, headers } = await keys.make(chat.token);
    expect((await read(cutOff, headers)).status).to.equal(200);
    await proxy.cut();
    await fetch(`${api.url}/applications/${chat.token}/keys/${keyId}`, { method: "DELETE", headers: admin });
    await proxy.restore();
    const began = performance.now();
    const took = Math.round((await untilRefused(() => read(cutOff, headers))) - began);
    expect(took).to.be.below(announcedMs);
  });
});
