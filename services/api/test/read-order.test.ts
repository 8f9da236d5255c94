import { messagesQuerySchema, type MessagesQuery } from "@confab/contracts";
import { createLogger } from "@confab/runtime";
import { expect } from "chai";
import { createReadMessages, type ReadMessages } from "../src/reading/read-messages.ts";
import { placeOf } from "../src/routes/page-links.ts";
import { useApi } from "./start.ts";

/** Returns the requested walk, or the requested page around a number. */
const place = (query: Partial<MessagesQuery>) => placeOf({ ...messagesQuerySchema.parse({}), ...query });

describe("reading while the worker stores everything between the two reads", () => {
  const logger = createLogger({ level: "silent", service: "test" });
  const { world, api } = useApi();

  /** Creates the reader on the real stores. Pending messages are stored as soon as the first store has answered. */
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
        head: (...args) => pending.head(...args),
      },
      messages: {
        ...messages,
        find: (...args) => thenStore(messages.find(...args)),
        range: (...args) => thenStore(messages.range(...args)),
        sizes: (...args) => thenStore(messages.sizes(...args)),
      },
    });
    return { token, chat, readMessages };
  }

  for (const order of ["asc", "desc"] as const) {
    it(`lists every message, ${order}ending`, async () => {
      const { token, chat, readMessages } = await setUp();
      const reference = { token, number: chat.number, id: chat.id };
      const { items } = await readMessages.readPage(reference, place({ limit: 10, order }), logger);
      expect(items.map(({ number }) => number)).to.deep.equal([1, 2, 3]);
    });
  }

  it("finds the message", async () => {
    const { token, chat, readMessages } = await setUp();
    expect(await readMessages.find(token, chat, 2, logger)).to.include({ number: 2, body: "two" });
  });
});

describe("reading while messages are accepted and stored out of order", () => {
  const logger = createLogger({ level: "silent", service: "test" });
  const { world, api } = useApi();
  afterEach(() => world.store());

  /**
   * Creates the reader on real stores. At one moment, before or after one of its reads, three messages are accepted,
   * and the last one is stored first, as can happen with several workers.
   */
  async function setUp(moment: number, { isKnown }: { isKnown: boolean }) {
    const created = await world.newChat();
    await world.accept(created, "1", "2", "3", "4");
    await world.store((number) => number !== 3);
    const chat = (await api.chats.find(created.token, created.number))!;
    // This is the state after a week without messages, or after a failover to a replica that lags.
    if (!isKnown) {
      await world.store();
      await world.redis.del(`${world.prefix}:{p0}:head:${created.token}:${created.number}`);
    }
    let moments = 0;
    const pass = async (): Promise<void> => {
      moments += 1;
      if (moments !== moment) return;
      await world.accept(created, "5", "6", "7");
      await world.store((number) => number === 7);
    };
    const watched = <T extends object>(repository: T): T =>
      Object.fromEntries(
        Object.entries(repository as Record<string, (...args: unknown[]) => Promise<unknown>>).map(([name, method]) => [
          name,
          async (...args: unknown[]) => {
            await pass();
            const answer = await method(...args);
            await pass();
            return answer;
          },
        ]),
      ) as T;
    const readMessages = createReadMessages({ pending: watched(api.pending), messages: watched(api.messages) });
    const reference = { token: created.token, number: chat.number, id: chat.id };
    const list = async (query: Partial<MessagesQuery>): Promise<number[]> => {
      const { items } = await readMessages.readPage(reference, place(query), logger);
      const numbers = items.map(({ number }) => number);
      return query.order === "desc" ? numbers.toReversed() : numbers;
    };
    return { list, moments: () => moments };
  }

  for (const isKnown of [true, false]) {
    for (const limit of [3, 50]) {
      const title = `${limit} at a time, ${isKnown ? "" : "not "}knowing the last number`;

      it(`returns every message to a polling client, ${title}`, async () => {
        for (let [moment, last] = [1, 2]; moment <= last; moment += 1) {
          const { list, moments } = await setUp(moment, { isKnown });
          const seen: number[] = [];
          for (let [began, isNew] = [0, true]; isNew;) {
            began = moments();
            const page = await list({ limit, after: seen.at(-1) });
            seen.push(...page);
            if (page.length > 0) last = moments();
            // Messages that were accepted while an empty page was read belong to the next page.
            isNew = page.length > 0 || (began < moment && moments() >= moment);
          }
          const all = moments() >= moment ? [1, 2, 3, 4, 5, 6, 7] : [1, 2, 3, 4];
          expect(seen, `moment ${moment}`).to.deep.equal(all);
        }
      });

      it(`shows no gap in descending order, ${title}`, async () => {
        for (let [moment, last] = [1, 2]; moment <= last; moment += 1) {
          const { list, moments } = await setUp(moment, { isKnown });
          const seen: number[] = [];
          for (let page = await list({ limit, order: "desc" }); page.length > 0;) {
            seen.push(...page);
            last = moments();
            page = await list({ limit, order: "desc", before: page.at(-1) });
          }
          const highest = seen[0] ?? 0;
          expect(highest, `moment ${moment}`).to.be.oneOf([4, 7]);
          expect(seen, `moment ${moment}`).to.deep.equal(Array.from({ length: highest }, (_, at) => highest - at));
        }
      });
    }
  }
});
