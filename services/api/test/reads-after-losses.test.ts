import { readStateSchema } from "@confab/contracts";
import { startProxy, useForAll, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { problemOf, readAs, startApi, type Api } from "./start.ts";
import { openWorldWithRedis } from "./world.ts";

describe("read horizons that are on their way to MySQL when Redis loses messages", function () {
  this.timeout(60_000);
  let reads: string;
  const world = useForAll(openWorldWithRedis);
  const proxy = useForAll(() => startProxy({ target: world.url }));
  const api = useForAll(() => startApi(world, { REDIS_URL: world.server.url }));
  const slow = useForAll(() => startApi({ ...world, url: proxy.url }, { REDIS_URL: world.server.url }));

  const send = (from: number, to: number, what: string) =>
    world.accept(chat, ...Array.from({ length: to - from + 1 }, (_, at) => `${what} ${from + at}`));

  const chat = useForEach(() => world.newChat());
  beforeEach(async () => {
    reads = `/applications/${chat.token}/chats/${chat.number}/reads`;
    await send(1, 3, "old");
    await world.store();
    await send(4, 8, "old");
  });

  const put = (by: Api, number: number) => by.send("PUT", `${reads}/rita`, { number });
  const horizon = async () => readAs(readStateSchema, await api.get(`${reads}/rita`));

  /** Sets the horizon to 8. The statement reaches MySQL after `happens`. */
  async function putDuring(happens: () => Promise<unknown>) {
    const held = proxy.intercept("INTO `reads`", "hold-request");
    const answer = put(slow, 8);
    try {
      await held.happened;
      await happens();
    } finally {
      held.end();
    }
    return answer;
  }

  const lose = async () => {
    await world.redis.flushall();
    await send(4, 8, "new");
  };

  it("are refused if the new numbers are stored", async () => {
    const answer = await putDuring(async () => {
      await lose();
      await world.store();
    });
    expect(problemOf(answer, "position-reset").last_number).to.equal(3);
    expect(await horizon()).to.include({ number: 0, unread: 8 });
  });

  it("are refused if the reader has set a horizon since", async () => {
    const answer = await putDuring(async () => {
      await lose();
      expect((await put(api, 5)).status).to.equal(200);
    });
    expect(problemOf(answer, "position-reset").last_number).to.equal(3);
    expect(await horizon()).to.include({ number: 5, unread: 3 });
    await world.store();
    expect(await horizon()).to.include({ number: 5, unread: 3 });
  });

  it("are set if only later numbers were lost, or none", async () => {
    const answer = await putDuring(async () => {
      await world.store();
      await world.redis.flushall();
      await send(9, 10, "new");
      expect((await put(api, 5)).status).to.equal(200);
      await world.store();
    });
    expect(readAs(readStateSchema, answer)).to.include({ number: 8, unread: 2 });
  });
});
