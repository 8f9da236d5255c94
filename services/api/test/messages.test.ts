import { messageSchema } from "@confab/contracts";
import { expect } from "chai";
import { z } from "zod";
import { follow, jsonOf, linksOf, problemOf, readAs, useApi } from "./start.ts";
import { numbersOf, pathOf, useMixedChats } from "./mixed-chats.ts";
import fc from "fast-check";

type Order = "asc" | "desc";

/** Computes the numbers that the service must show in a list. */
function model(
  count: number,
  query: { limit: number; after?: number; before?: number; around?: number; order: Order },
): number[] {
  const { limit, after, before, around, order } = query;
  const numbers = Array.from({ length: count }, (_, index) => index + 1).filter(
    (number) => number > (after ?? 0) && number < (before ?? Infinity),
  );
  if (around !== undefined) {
    const start = Math.max(0, Math.min(around - 1 - Math.floor(limit / 2), count - limit));
    const page = numbers.slice(start, start + limit);
    return order === "asc" ? page : page.reverse();
  }
  // The page is right after or right before the only given number. Otherwise it begins at the beginning of the order.
  const isUp = (after === undefined) === (before === undefined) ? order === "asc" : after !== undefined;
  const page = isUp ? numbers.slice(0, limit) : numbers.slice(-limit);
  return order === "asc" ? page : page.reverse();
}

describe("reading a chat's messages", () => {
  const { world, api } = useApi();

  const newChat = useMixedChats(world);

  const order = fc.constantFrom<Order>("asc", "desc");
  const stored = fc.oneof(
    fc.array(fc.boolean(), { maxLength: 14 }),
    // As in production, everything up to some number is stored.
    fc
      .tuple(fc.nat({ max: 10 }), fc.nat({ max: 10 }))
      .map(([old, fresh]) => [...Array<boolean>(old).fill(true), ...Array<boolean>(fresh).fill(false)]),
  );

  it("lists what is accepted, stored or not, for any limit, place and order", async () => {
    const place = fc.option(fc.nat({ max: 16 }), { nil: undefined });
    const limit = fc.integer({ min: 1, max: 8 });
    const query = fc.oneof(
      { weight: 3, arbitrary: fc.record({ limit, after: place, before: place, order }) },
      { weight: 1, arbitrary: fc.record({ limit, around: fc.integer({ min: 1, max: 18 }), order }) },
    );
    await fc.assert(
      fc.asyncProperty(stored, fc.array(query, { minLength: 1, maxLength: 5 }), async (mix, queries) => {
        const chat = await newChat(mix);
        for (const { limit, order, ...place } of queries) {
          const given = Object.entries(place).filter(([, value]) => value !== undefined);
          const bounds: { after?: number; before?: number; around?: number } = Object.fromEntries(given);
          const parameters = Object.entries({ limit, ...bounds, order }).map(([name, value]) => `${name}=${value}`);
          const answer = await api.get(`${pathOf(chat)}?${parameters.join("&")}`);
          if (bounds.before === undefined && (bounds.after ?? 0) > mix.length) {
            const problem = problemOf(answer, "position-reset");
            expect(problem.last_number, "it may be from before a loss").to.equal(0);
            expect(problem.last_message_number).to.equal(mix.length);
            continue;
          }
          const messages = readAs(z.array(messageSchema), answer);
          expect(numbersOf(messages)).to.deep.equal(model(mix.length, { limit, ...bounds, order }));
          for (const { number, body } of messages) expect(body).to.equal(`message ${number}`);
        }
        await world.store();
      }),
      { numRuns: 40 },
    );
  });

  it("returns every message once along next to the end and along prev back, in both orders", async () => {
    await fc.assert(
      fc.asyncProperty(stored, fc.integer({ min: 1, max: 6 }), order, async (mix, limit, order) => {
        const chat = await newChat(mix);
        const all = model(mix.length, { limit: 100, order });
        const forth = await follow(messageSchema, api, `${pathOf(chat)}?limit=${limit}&order=${order}`, "next");
        expect(numbersOf(forth.pages.flat())).to.deep.equal(all);
        const back = await follow(messageSchema, api, forth.last, "prev");
        expect(back.pages.toReversed()).to.deep.equal(forth.pages);
        // A reader that went back can go forward again.
        const again = await follow(messageSchema, api, back.last, "next");
        expect(numbersOf(again.pages.flat())).to.deep.equal(all);
        await world.store();
      }),
      { numRuns: 40 },
    );
  });

  it("comes back to the beginning without a repetition from any position, an empty page too, in either order", async () => {
    await fc.assert(
      fc.asyncProperty(stored, fc.nat({ max: 16 }), order, async (mix, position, order) => {
        const chat = await newChat(mix);
        const start = order === "asc" ? { after: Math.min(position, mix.length) } : { before: position };
        const query = Object.entries({ ...start, limit: 4, order }).map(([name, value]) => `${name}=${value}`);
        const { pages } = await follow(messageSchema, api, `${pathOf(chat)}?${query.join("&")}`, "prev");
        const seen = numbersOf(pages.toReversed().flat());
        const all = model(mix.length, { limit: 100, order });
        expect(seen).to.deep.equal(all.slice(0, seen.length));
        // In descending order, a page above the last message is the first page.
        if (mix.length > 0 && !(order === "desc" && position <= 1)) expect(seen).to.not.be.empty;
        await world.store();
      }),
      { numRuns: 40 },
    );
  });

  it("stays in a window, both ways, and offers its first and last page", async () => {
    const chat = await newChat(Array.from({ length: 30 }, (_, index) => index < 20));
    for (const order of ["asc", "desc"] as const) {
      const window = `${pathOf(chat)}?after=10&before=21&limit=4&order=${order}`;
      const forth = await follow(messageSchema, api, window, "next");
      expect(numbersOf(forth.pages.flat())).to.deep.equal(model(30, { limit: 100, after: 10, before: 21, order }));
      const back = await follow(messageSchema, api, forth.last, "prev");
      expect(back.pages.toReversed().flat()).to.deep.equal(forth.pages.flat());
      for (const links of [linksOf(await api.get(window)), linksOf(await api.get(forth.last))]) {
        for (const target of Object.values(links)) expect(target).to.include("limit=4&after=10&before=21");
      }
      const { last = "" } = linksOf(await api.get(window));
      const final = numbersOf(readAs(z.array(messageSchema), await api.get(last)));
      expect(final.at(-1)).to.equal(order === "asc" ? 20 : 11);
      const { first = "" } = linksOf(await api.get(last));
      expect((await api.get(first)).text).to.equal((await api.get(window)).text);
    }
  });

  it("shows the page around a message however large its neighbours are", async () => {
    const chat = await world.newChat();
    await world.accept(chat, ...Array.from({ length: 40 }, () => "x".repeat(65_535)));
    await world.store((number) => number <= 20);
    for (const around of [1, 20, 25, 40]) {
      const answer = await api.get(`${pathOf(chat)}?around=${around}&limit=40`);
      const numbers = numbersOf(readAs(z.array(messageSchema), answer));
      expect(numbers).to.have.length(16).and.include(around);
      expect(numbers).to.deep.equal(Array.from({ length: 16 }, (_, index) => numbers[0]! + index));
    }
    for (const query of ["around=1&after=1", "around=1&before=1", "around=1&cursor=after-1", "around=0"]) {
      const { errors } = problemOf(await api.get(`${pathOf(chat)}?${query}`), "validation-failed");
      expect(errors?.map(({ pointer }) => pointer)).to.deep.equal(["?around"]);
    }
  });

  it("lists around numbers that are neither stored nor pending", async () => {
    const state = fc.constantFrom("stored", "pending", "lost");
    const states = fc.array(state, { minLength: 1, maxLength: 14 });
    await fc.assert(
      fc.asyncProperty(states, fc.integer({ min: 1, max: 4 }), order, async (mix, limit, order) => {
        const chat = await newChat(mix.map((one) => one === "stored"));
        const lost = model(mix.length, { limit: 100, order }).filter((number) => mix[number - 1] === "lost");
        const pending = `${world.prefix}:{p0}:pending:${chat.token}:${chat.number}`;
        for (const range of await world.redis.lrange(pending, 0, -1))
          if (lost.includes(Number(range.split(" ")[0]))) await world.redis.lrem(pending, 1, range);
        const { pages } = await follow(messageSchema, api, `${pathOf(chat)}?limit=${limit}&order=${order}`, "next");
        const left = model(mix.length, { limit: 100, order }).filter((number) => !lost.includes(number));
        expect(numbersOf(pages.flat())).to.deep.equal(left);
        expect(pages.slice(0, -1).every((page) => page.length === limit)).to.equal(true);
        await world.store();
      }),
      { numRuns: 40 },
    );
  });

  it("returns the same message before and after it is stored", async () => {
    const chat = await newChat([false, false]);
    const one = await api.get(`${pathOf(chat)}/1`);
    const list = await api.get(pathOf(chat));
    expect(readAs(messageSchema, one)).to.deep.include({ number: 1, body: "message 1", application_token: chat.token });
    await world.store();
    expect((await api.get(`${pathOf(chat)}/1`)).text).to.equal(one.text);
    expect((await api.get(pathOf(chat))).text).to.equal(list.text);
  });

  it("misses no message while messages are being stored", async () => {
    const chat = await newChat(Array<boolean>(120).fill(false));
    let isStoring = true;
    const storing = (async () => {
      for (let upTo = 10; upTo <= 120; upTo += 10) await world.store((number) => number <= upTo);
    })().finally(() => (isStoring = false));
    let reads = 0;
    const reader = async (order: Order): Promise<void> => {
      while (isStoring) {
        const messages = readAs(z.array(messageSchema), await api.get(`${pathOf(chat)}?limit=120&order=${order}`));
        expect(numbersOf(messages)).to.deep.equal(model(120, { limit: 120, order }));
        const number = (reads % 120) + 1;
        expect(jsonOf(await api.get(`${pathOf(chat)}/${number}`))).to.include({ number });
        reads += 1;
      }
    };
    await Promise.all([storing, reader("asc"), reader("desc"), reader("asc")]);
    expect(reads).to.be.above(5);
  });

  it("returns bodies byte for byte, pending and stored", async () => {
    const chat = await world.newChat();
    const bodies = ["NUL \0, \u2028, 😀", " \r\n white space\n", '\\ "q" <b>', "é and é", "x".repeat(65_535)];
    await world.accept(chat, ...bodies);
    for (const state of ["pending", "stored"]) {
      const messages = readAs(z.array(messageSchema), await api.get(pathOf(chat)));
      expect(
        messages.every(({ body }, index) => body === bodies[index]),
        state,
      ).to.equal(true);
      expect(messages).to.have.length(bodies.length);
      await world.store();
    }
  });

  it("ends a page at 1 MiB of bodies, pending and stored, and continues in both directions without a gap", async () => {
    const chat = await world.newChat();
    const sizes = Array.from({ length: 60 }, (_, index) => (index % 10 === 9 ? 10 : 65_535));
    await world.accept(chat, ...sizes.map((size) => "x".repeat(size)));
    for (const upTo of [0, 30, 60]) {
      await world.store((number) => number <= upTo);
      for (const order of ["asc", "desc"] as const) {
        const forward = await follow(messageSchema, api, `${pathOf(chat)}?limit=200&order=${order}`, "next");
        expect(numbersOf(forward.pages.flat())).to.deep.equal(model(60, { limit: 100, order }));
        for (const page of forward.pages) {
          const bytes = page.reduce((sum, { body }) => sum + (body?.length ?? 0), 0);
          expect(bytes).to.be.at.most(1024 * 1024);
          if (page !== forward.pages.at(-1)) expect(bytes).to.be.above(1024 * 1024 - 65_535);
        }
        const back = await follow(messageSchema, api, forward.last, "prev");
        expect(numbersOf(back.pages.toReversed().flat())).to.deep.equal(model(60, { limit: 100, order }));
      }
    }
  }).timeout(60_000);

  it("pages through a long backlog in both orders", async () => {
    const chat = await newChat(Array.from({ length: 450 }, (_, index) => index % 7 === 0 || index < 100));
    for (const order of ["asc", "desc"] as const) {
      const { pages } = await follow(messageSchema, api, `${pathOf(chat)}?limit=200&order=${order}`, "next");
      expect(pages.map((page) => page.length)).to.deep.equal([200, 200, 50]);
      expect(numbersOf(pages.flat())).to.deep.equal(model(450, { limit: 500, order }));
    }
    const [last] = readAs(z.array(messageSchema), await api.get(`${pathOf(chat)}?limit=1&order=desc`));
    expect(last?.number).to.equal(450);
  });

  it("shows 50 messages by default, and none of an empty chat", async () => {
    const chat = await newChat(Array<boolean>(51).fill(true));
    const answer = await api.get(pathOf(chat));
    expect(jsonOf(answer)).to.have.length(50);
    const { next, last } = linksOf(answer);
    expect(next).to.match(/\?after=50&numbering=\d+$/);
    expect(last).to.equal(`${pathOf(chat)}?before=52`);
    const empty = await api.get(pathOf(await world.newChat()));
    expect(jsonOf(empty)).to.deep.equal([]);
    expect(linksOf(empty)).to.deep.equal({});
  });
});
