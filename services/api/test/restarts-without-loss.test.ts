import { messageSchema } from "@confab/contracts";
import { useEnding, startProxy, useForAll, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { z } from "zod";
import { openStream, type EventReader } from "./event-reader.ts";
import { linksOf, problemOf, readAs, startApi, type Answer } from "./start.ts";
import { openWorldWithRedis } from "./world.ts";

const endAfterTest = useEnding();

describe("while Redis is unavailable to the api, and others store messages of a new numbering", function () {
  this.timeout(60_000);
  let path: string;
  const world = useForAll(openWorldWithRedis);
  const proxy = useForAll(() => startProxy({ target: world.server.url }));
  const api = useForAll(() => startApi(world, { REDIS_URL: proxy.url }));
  const chat = useForEach(() => world.newChat());
  beforeEach(async () => {
    path = `/applications/${chat.token}/chats/${chat.number}/messages`;
    await world.accept(chat, "one", "two", "three");
    await world.store();
  });
  afterEach(() => proxy.restore());

  const bodies = (answer: Answer) => readAs(z.array(messageSchema), answer).map(({ body }) => body);
  const next = (answer: Answer) => linksOf(answer).next!;
  const isCaughtUp = ({ events }: EventReader) => events.some(({ event }) => event === "caught-up");
  const shown = ({ events }: EventReader) =>
    events.filter(({ event }) => event !== "caught-up").map(({ event, data }) => [event, data.body ?? data.number]);

  /**
   * Empties Redis and accepts two messages. The next incarnation gives them the numbers 4 and 5, because everything
   * before was stored.
   */
  async function renumber(): Promise<void> {
    await world.redis.flushall();
    await world.accept(chat, "four", "five");
    await world.store();
  }

  it("streams and polls that were shown these are not sent back", async () => {
    const reader = endAfterTest(await openStream(`${api.url}${path}/stream?after=0`));
    await reader.until(() => isCaughtUp(reader));
    const first = next(await api.get(`${path}?after=0&wait=1`));
    await proxy.cut();
    await renumber();
    await reader.until(() => shown(reader).length === 5);
    const page = await api.get(first);
    expect(bodies(page)).to.deep.equal(["four", "five"]);
    const latest = await api.get(`${path}?after=3&wait=1`);
    await proxy.restore();
    await world.accept(chat, "six");
    await reader.until(() => shown(reader).length === 6);
    expect(shown(reader)).to.deep.equal(
      ["one", "two", "three", "four", "five", "six"].map((body) => ["message", body]),
    );
    expect(bodies(await api.get(next(page)))).to.deep.equal(["six"]);
    expect(bodies(await api.get(next(latest)))).to.deep.equal(["six"]);
  });

  it("those that have lost messages are sent back at once, as MySQL knows that", async () => {
    await world.accept(chat, "lost", "lost", "lost");
    const reader = endAfterTest(await openStream(`${api.url}${path}/stream?after=0`));
    await reader.until(() => shown(reader).length === 6);
    const poll = next(await api.get(`${path}?after=5&wait=1`));
    await proxy.cut();
    await renumber();
    await reader.until(() => shown(reader).length === 9);
    expect(shown(reader).slice(6)).to.deep.equal([
      ["reset", 3],
      ["message", "four"],
      ["message", "five"],
    ]);
    expect(problemOf(await api.get(poll), "position-reset").last_number).to.equal(3);
  });

  it("those that have pending messages are not", async () => {
    await world.accept(chat, "pending");
    const reader = endAfterTest(await openStream(`${api.url}${path}/stream?after=0`));
    await reader.until(() => shown(reader).length === 4);
    await proxy.cut();
    const back = await openStream(`${api.url}${path}/stream?after=${reader.lastId()!}`);
    expect(bodies(await api.get(`${path}?after=4`))).to.deep.equal([]);
    await proxy.restore();
    await back.until(() => isCaughtUp(back));
    expect(shown(back)).to.deep.equal([]);
    await back.close();
  });
});
