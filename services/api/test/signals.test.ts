import { setTimeout as sleep } from "node:timers/promises";
import { useEnding, eventually, startProxy, testStores, useForAll, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { openStream } from "./event-reader.ts";
import { problemOf, startApi, type Api } from "./start.ts";
import { openWorld } from "./world.ts";

const endAfterTest = useEnding();

describe("signals", function () {
  this.timeout(60_000);
  let path: string;
  const world = useForAll(openWorld);
  const api = useForAll(() => startApi(world));
  const other = useForAll(() => startApi(world));
  const chat = useForEach(() => world.newChat());
  beforeEach(() => {
    path = `/applications/${chat.token}/chats/${chat.number}/signals`;
  });

  async function open(end: string, from: Api = api) {
    const reader = endAfterTest(await openStream(`${from.url}/applications/${chat.token}/${end}`));
    await reader.until((events) => events.length > 0);
    return reader;
  }
  const typing = { sender: "anna", type: "typing", data: { device: "phone" } };

  it("reach the streams of their chat in all processes, and nothing else", async () => {
    const second = await world.newChat(chat.token);
    const readers = [
      await open(`chats/${chat.number}/messages/stream`),
      await open(`stream?chats=${chat.number},${second.number}`, other),
      await open(`chats/${second.number}/messages/stream`, other),
    ];
    await eventually(async () => {
      const answer = await api.send("POST", path, typing);
      expect([answer.status, answer.text]).to.deep.equal([202, ""]);
      for (const reader of readers.slice(0, 2)) {
        expect(reader.events.at(-1)).to.deep.equal({
          id: undefined,
          event: "signal",
          data: { chat_number: chat.number, ...typing },
        });
      }
    });
    expect(readers[2]!.events.filter(({ event }) => event === "signal")).to.deep.equal([]);
    const late = await open(`chats/${chat.number}/messages/stream`);
    await sleep(100);
    expect(
      late.events.map(({ event }) => event),
      "not kept",
    ).to.deep.equal(["caught-up"]);
  });

  it("use no number and leave nothing in Redis", async () => {
    const keys = async () => (await world.redis.keys(`${world.prefix}*`)).sort();
    const before = await keys();
    expect((await api.send("POST", path, { ...typing, data: null })).status).to.equal(202);
    expect(await keys()).to.deep.equal(before);
    expect((await api.get(path.replace("signals", "messages"))).text).to.equal("[]");
  });

  it("are refused with the reason", async () => {
    for (const [body, pointer] of [
      [{ type: "typing" }, "/sender"],
      [{ sender: "anna" }, "/type"],
      [{ ...typing, type: "Is typing" }, "/type"],
      [{ ...typing, data: "text" }, "/data"],
      [{ ...typing, data: { text: "x".repeat(1_100) } }, "/data"],
    ] as const) {
      const { errors } = problemOf(await api.send("POST", path, body), "validation-failed");
      expect(errors?.map((error) => error.pointer)).to.deep.equal([pointer]);
    }
    problemOf(await api.send("POST", path, { ...typing, data: { text: "x".repeat(20_000) } }), "payload-too-large");
    problemOf(await api.send("POST", `/applications/${chat.token}/chats/99/signals`, typing), "chat-not-found");
  });

  it("arrive again within seconds after the connections of a process died silently, and so do messages", async () => {
    const proxy = endAfterTest(await startProxy({ target: testStores().redisUrl }));
    const behind = endAfterTest(await startApi(world, { REDIS_URL: proxy.url }));
    const reader = await open(`chats/${chat.number}/messages/stream`, behind);
    const arrive = async (timeoutMs: number): Promise<void> => {
      const { length } = reader.events;
      await eventually(
        async () => {
          expect((await api.send("POST", path, typing)).status).to.equal(202);
          await sleep(200);
          expect(reader.events.slice(length).map(({ event }) => event)).to.include("signal");
        },
        { timeoutMs },
      );
    };
    await arrive(2_000);
    proxy.freeze();
    await arrive(10_000);
    // Without a notice, a stream finds a message after five seconds.
    const began = performance.now();
    for (const body of ["one", "two", "three"]) {
      await world.accept(chat, body);
      await reader.until((events) => events.some(({ data }) => data.body === body));
    }
    expect(performance.now() - began).to.be.below(4_000);
  });

  it("answer 503 while Redis is unavailable", async () => {
    const proxy = endAfterTest(await startProxy({ target: testStores().redisUrl }));
    const behind = endAfterTest(await startApi(world, { REDIS_URL: proxy.url }));
    await proxy.cut();
    await eventually(async () => {
      problemOf(await behind.send("POST", path, typing), "service-unavailable");
    });
  });
});
