import type { MessagesQuery } from "@confab/contracts";
import { createLogger } from "@confab/runtime";
import { expect } from "chai";
import { createReadMessages, type ReadMessages } from "../src/use-cases/read-messages.ts";
import { startApi, type Api } from "./start.ts";
import { openWorld, type World } from "./world.ts";

describe("reading while the worker stores everything between the two questions", () => {
  let world: World;
  let api: Api;
  const logger = createLogger({ level: "silent", service: "test" });
  before(async () => {
    world = await openWorld();
    api = await startApi(world);
  });
  after(async () => {
    await api.stop();
    await world.close();
  });

  /** The use case on the real stores; whatever was pending is stored as soon as the first of them has answered. */
  async function setUp() {
    const { token, number } = await world.newChat();
    await world.accept({ token, number, id: 0n }, "one", "two", "three");
    const chat = (await api.chats.find(token, number))!;
    const thenStore = async <T>(asked: Promise<T>): Promise<T> => {
      const answer = await asked;
      await world.store();
      return answer;
    };
    const { pending, messages } = api;
    const readMessages: ReadMessages = createReadMessages({
      pending: {
        read: (...args) => thenStore(pending.read(...args)),
        lastNumber: (...args) => pending.lastNumber(...args),
      },
      messages: {
        find: (...args) => thenStore(messages.find(...args)),
        range: (...args) => thenStore(messages.range(...args)),
      },
    });
    return { token, chat, readMessages };
  }

  for (const order of ["asc", "desc"] as const) {
    it(`lists every message, ${order}ending`, async () => {
      const { token, chat, readMessages } = await setUp();
      const query: MessagesQuery = { limit: 10, after: undefined, before: undefined, order };
      const { items } = await readMessages.list(token, chat, query, logger);
      expect(items.map(({ number }) => number)).to.deep.equal(order === "asc" ? [1, 2, 3] : [3, 2, 1]);
    });
  }

  it("finds the message", async () => {
    const { token, chat, readMessages } = await setUp();
    expect(await readMessages.find(token, chat, 2, logger)).to.include({ number: 2, body: "two" });
  });
});
