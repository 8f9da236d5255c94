import { useEnding, useForAll, useForEach } from "@confab/testkit";
import { messageSchema } from "@confab/contracts";
import { createUuid7 } from "@confab/runtime";
import { expect } from "chai";
import { z } from "zod";
import { openStream } from "./event-reader.ts";
import { keyMaker } from "./key-world.ts";
import { jsonOf, problemOf, readAs, startApi, type Answer } from "./start.ts";
import { openWorldWithRedis } from "./world.ts";

const endAfterTest = useEnding();

describe("changes of a message whose number another message has by now", function () {
  this.timeout(60_000);
  let path: string;
  const world = useForAll(openWorldWithRedis);
  const keys = useForAll(() => keyMaker(world));
  const api = useForAll(() => startApi(world, { REDIS_URL: world.server.url }));
  const chat = useForEach(() => world.newChat());
  beforeEach(async () => {
    path = `/applications/${chat.token}/chats/${chat.number}/messages`;
    await world.accept(chat, "old");
    await world.store();
  });

  const list = async () =>
    readAs(z.array(messageSchema), await api.get(path)).map(({ number, sender, body }) => [number, sender, body]);

  /**
   * Gives number 2 to a pending message from yan. Returns a function that stores an earlier message from xav, which had
   * the same number before a loss.
   */
  async function assignTwice(): Promise<() => Promise<void>> {
    await world.accept(chat, { sender: "xav", body: "of xav" });
    const storeLate = await world.take();
    await world.redis.flushall();
    await world.accept(chat, { sender: "yan", body: "of yan" });
    return async () => {
      await storeLate();
    };
  }

  /** Runs a request. Calls `happens` after the request's second read of pending messages, or before its first one. */
  async function during(
    happens: () => Promise<unknown>,
    request: () => Promise<Answer>,
    when: "seen" | "unseen" = "seen",
  ): Promise<Answer> {
    const read = api.pending.read.bind(api.pending);
    let look = 0;
    api.pending.read = async (...args) => {
      look += 1;
      if (when === "unseen" && look === 1) await happens();
      const found = await read(...args);
      if (when === "seen" && look === 2) await happens();
      return found;
    };
    try {
      return await request();
    } finally {
      api.pending.read = read;
      expect(look).to.be.at.least(when === "seen" ? 2 : 1);
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

  for (const [method, body] of requests) {
    it(`${method} changes neither if the number has passed to the other one before the request looks at pending messages`, async () => {
      const storeLate = await assignTwice();
      const pass = async () => {
        await storeLate();
        await world.store();
      };
      const answer = await during(pass, () => api.send(method, `${path}/2`, body), "unseen");
      expect(problemOf(answer, "version-mismatch").detail).to.include("Another message has the number 2");
      expect(await list()).to.deep.equal([
        [1, null, "old"],
        [2, "xav", "of xav"],
      ]);
      // A request that is sent now applies to the message that has the number now.
      expect((await api.send("PATCH", `${path}/2`, { body: "changed" })).status).to.equal(200);
    });

    it(`${method} changes neither if Redis loses the pending one as well`, async () => {
      const storeLate = await assignTwice();
      const pass = async () => {
        await world.redis.flushall();
        await storeLate();
      };
      problemOf(await during(pass, () => api.send(method, `${path}/2`, body), "unseen"), "version-mismatch");
      expect((await list())[1]).to.deep.equal([2, "xav", "of xav"]);
    });

    it(`${method} changes a message that is stored before the request looks at pending messages`, async () => {
      await world.accept(chat, { sender: "xav", body: "of xav" });
      const answer = await during(
        () => world.store(),
        () => api.send(method, `${path}/2`, body),
        "unseen",
      );
      expect(answer.status).to.equal(method === "DELETE" ? 204 : 200);
      expect((await list())[1]).to.deep.equal([2, "xav", method === "DELETE" ? null : "changed"]);
    });
  }

  it("If-Match names a message also if Redis has lost it before the request looks at pending messages", async () => {
    await world.accept(chat, { sender: "xav", body: "of xav" });
    const tag = (await api.get(`${path}/2`)).headers.get("etag")!;
    const storeLate = await world.take();
    const pass = async () => {
      await world.redis.flushall();
      await storeLate();
    };
    const request = () => api.send("PATCH", `${path}/2`, { body: "changed" }, { "if-match": tag });
    expect((await during(pass, request, "unseen")).status).to.equal(200);
  });

  it("a message whose number passes to an earlier request with its key is deleted for those who were shown it", async () => {
    const repeated = { sender: "xav", body: "of xav", idempotency: { key: createUuid7(), hash: "h".repeat(43) } };
    await world.accept(chat, repeated);
    const storeLate = await world.take();
    await world.redis.flushall();
    await world.accept(chat, { sender: "yan", body: "of yan" }, repeated);
    const reader = endAfterTest(await openStream(`${api.url}${path}/stream?after=0`));
    await reader.until((events) => events.some(({ event }) => event === "caught-up"));
    expect(reader.events.map(({ data }) => data.body)).to.include("of xav");
    await storeLate();
    await world.store((number) => number === 3);
    await reader.until((events) => events.some(({ event }) => event === "deleted"));
    expect(reader.events.at(-1)!.data).to.include({ number: 3, body: null, sender: null });
    problemOf(await api.get(`${path}/3`), "message-deleted");
  });

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

  it("a tag of a text that MySQL has lost names no other text of the same version", async () => {
    const lost = await api.send("PATCH", `${path}/1`, { body: "lost" });
    const tag = lost.headers.get("etag")!;
    const { prisma } = world.database;
    await prisma.$transaction([
      prisma.messageChange.deleteMany({ where: { chatId: chat.id } }),
      prisma.messageVersion.deleteMany({ where: { chatId: chat.id } }),
      prisma.message.updateMany({ where: { chatId: chat.id, number: 1 }, data: { version: 1, changeNumber: null } }),
      prisma.chat.update({ where: { id: chat.id }, data: { lastChangeNumber: 0 } }),
    ]);
    const kept = await api.send("PATCH", `${path}/1`, { body: "kept" });
    expect(jsonOf(kept, 200)).to.include({ version: 2 });
    expect((await api.get(`${path}/1`, { "if-none-match": tag })).status).to.equal(200);
    for (const [method, body] of requests)
      problemOf(await api.send(method, `${path}/1`, body, { "if-match": tag }), "version-mismatch");
    const current = { "if-match": kept.headers.get("etag")! };
    expect((await api.send("PATCH", `${path}/1`, { body: "next" }, current)).status).to.equal(200);
  });

  it("a deletion with If-Match can be repeated", async () => {
    const tag = (await api.get(`${path}/1`)).headers.get("etag")!;
    for (const time of ["first", "second"]) {
      expect((await api.send("DELETE", `${path}/1`, undefined, { "if-match": tag })).status, time).to.equal(204);
    }
  });
});
