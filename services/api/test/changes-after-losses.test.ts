import { messageSchema } from "@confab/contracts";
import { expect } from "chai";
import { z } from "zod";
import { keyMaker } from "./key-world.ts";
import { problemOf, readAs, startApi, type Answer, type Api } from "./start.ts";
import { openWorldWithRedis, type Chat, type WorldWithRedis } from "./world.ts";

describe("changes of a message whose number another message has by now", function () {
  this.timeout(60_000);
  let world: WorldWithRedis;
  let api: Api;
  let keys: ReturnType<typeof keyMaker>;
  let chat: Chat;
  let path: string;
  before(async () => {
    world = await openWorldWithRedis();
    keys = keyMaker(world);
    api = await startApi(world, { REDIS_URL: world.server.url });
  });
  after(async () => {
    await api.stop();
    await world.close();
  });
  beforeEach(async () => {
    chat = await world.newChat();
    path = `/applications/${chat.token}/chats/${chat.number}/messages`;
    await world.accept(chat, "old");
    await world.store();
  });

  const list = async () =>
    readAs(z.array(messageSchema), await api.get(path)).map(({ number, sender, body }) => [number, sender, body]);

  /** Number 2 is a pending message of yan; the result stores an earlier one of xav, which had the same number before a loss. */
  async function assignTwice(): Promise<() => Promise<void>> {
    await world.accept(chat, { sender: "xav", body: "of xav" });
    const storeLate = await world.take();
    await world.redis.flushall();
    await world.accept(chat, { sender: "yan", body: "of yan" });
    return async () => {
      await storeLate();
    };
  }

  /** Runs a request, and `happens` after its second look at pending messages. */
  async function during(happens: () => Promise<void>, request: () => Promise<Answer>): Promise<Answer> {
    const read = api.pending.read.bind(api.pending);
    let look = 0;
    api.pending.read = async (...args) => {
      const found = await read(...args);
      if ((look += 1) === 2) await happens();
      return found;
    };
    try {
      return await request();
    } finally {
      api.pending.read = read;
      expect(look).to.be.above(1);
    }
  }

  const requests = [
    ["PATCH", { body: "changed" }],
    ["PUT", { body: "changed" }],
    ["DELETE", undefined],
  ] as const;

  for (const [method, body] of requests) {
    for (const who of ["a key", "a user token"]) {
      it(`${method} with ${who} changes neither, and says so`, async () => {
        const { key } = await keys.make(chat.token);
        const chats = { [chat.number]: ["edit"] };
        const headers = who === "a key" ? {} : await keys.signUser(key, { sub: "yan", chats });
        const storeLate = await assignTwice();
        const answer = await during(storeLate, () => api.send(method, `${path}/2`, body, headers));
        expect(problemOf(answer, "version-mismatch").detail).to.include("Another message has the number 2");
        expect(await list()).to.deep.equal([
          [1, null, "old"],
          [2, "xav", "of xav"],
        ]);
      });
    }
  }

  it("a deletion is not acknowledged because the other message was deleted", async () => {
    const storeLate = await assignTwice();
    const tag = (await api.get(`${path}/2`)).headers.get("etag")!;
    const answer = await during(
      async () => {
        await storeLate();
        expect((await api.send("DELETE", `${path}/2`)).status).to.equal(204);
      },
      () => api.send("DELETE", `${path}/2`),
    );
    problemOf(answer, "version-mismatch");
    problemOf(await api.send("DELETE", `${path}/2`, undefined, { "if-match": tag }), "version-mismatch");
  });

  it("a deletion with If-Match can be repeated", async () => {
    const tag = (await api.get(`${path}/1`)).headers.get("etag")!;
    for (const time of ["first", "second"]) {
      expect((await api.send("DELETE", `${path}/1`, undefined, { "if-match": tag })).status, time).to.equal(204);
    }
  });
});
