import { useEnding } from "@confab/testkit";
import { expect } from "chai";
import { SearchUnavailable } from "@confab/search";
import { createMysqlBackend, type Backend } from "./backends.ts";
import { describeSearchIndex } from "./conformance.ts";
import { messageOf, messagesOf, newChat } from "./documents.ts";
import { failure } from "./failure.ts";

const endAfterTest = useEnding();

describeSearchIndex("search in MySQL", () => createMysqlBackend());

describe("a search in MySQL that reaches a limit", () => {
  for (const limits of [
    { messages: 500, ms: 60_000 },
    { messages: 1_000_000, ms: 0 },
  ]) {
    it(`returns the hits so far after ${limits.messages} messages or ${limits.ms} ms, and a cursor`, async () => {
      const backend: Backend = endAfterTest(await createMysqlBackend({ limits }));
      const chatId = newChat();
      const bodies = Array.from({ length: 2_000 }, (_, at) => (at % 900 === 0 ? "needle" : "hay"));
      await backend.put(messagesOf(chatId, bodies));
      const found: number[] = [];
      let [pages, cursor]: [number, string | undefined] = [0, undefined];
      do {
        const page = await backend.index.search({ chatId, q: "needle", limit: 10, cursor });
        found.push(...page.hits.map(({ number }) => number));
        [pages, cursor] = [pages + 1, page.next];
      } while (cursor !== undefined);
      expect(found).to.deep.equal([1_801, 901, 1]);
      expect(pages).to.be.at.least(4);
    });
  }
});

describe("a search in MySQL by time", () => {
  it("reads on below a message that Redis accepted while its clock was set back", async () => {
    const backend = endAfterTest(await createMysqlBackend());
    const chatId = newChat();
    const messages = messagesOf(chatId, Array<string>(300).fill("needle")).map((message) => ({
      ...message,
      createdAt: new Date(Date.UTC(2026, 4, 1) + (message.number === 290 ? 0 : message.number)),
    }));
    await backend.put(messages);
    const from = messages[9]!.createdAt;
    const { hits } = await backend.index.search({ chatId, q: "needle", from, limit: 1_000 });
    const expected = messages.filter(({ createdAt }) => createdAt >= from).map(({ number }) => number);
    expect(hits.map(({ number }) => number)).to.deep.equal(expected.reverse());
  });
});

describe("a search by relevance in MySQL that reaches a limit", () => {
  for (const limits of [
    { messages: 50, ms: 60_000 },
    { messages: 1_000_000, ms: 0 },
  ]) {
    it(`keeps the order after ${limits.messages} messages or ${limits.ms} ms, with cursors that continue`, async () => {
      const backend = endAfterTest(await createMysqlBackend({ limits }));
      const chatId = newChat();
      const bodies = Array.from({ length: 120 }, (_, at) =>
        at % 10 === 0 ? ["needle", "needles", "pinneedle"][(at / 10) % 3]! : "hay",
      );
      await backend.put(messagesOf(chatId, bodies));
      const expected = ["needle", "needles", "pinneedle"].flatMap((body) =>
        bodies.flatMap((each, at) => (each === body ? [at + 1] : [])).reverse(),
      );
      for (const limit of [2, 100]) {
        const found: number[] = [];
        let [pages, cursor]: [number, string | undefined] = [0, undefined];
        do {
          const page = await backend.index.search({ chatId, q: "needle", order: "relevance", limit, cursor });
          found.push(...page.hits.map(({ number }) => number));
          [pages, cursor] = [pages + 1, page.next];
        } while (cursor !== undefined);
        expect(found).to.deep.equal(expected);
        expect(pages).to.be.at.least(7);
      }
    }).timeout(60_000);
  }
});

describe("a search in MySQL for which nobody waits", () => {
  it("ends after the next message", async () => {
    const backend = endAfterTest(await createMysqlBackend());
    const chatId = newChat();
    await backend.put(messagesOf(chatId, ["one", "two"]));
    const request = { chatId, q: "one", limit: 1, signal: AbortSignal.abort() };
    expect(await failure(backend.index.search(request))).to.be.instanceOf(SearchUnavailable);
  });
});

describe("a search across an application in MySQL", () => {
  const applicationId = 11n;
  const at = (ms: number) => new Date(Date.UTC(2026, 4, 1) + ms);

  /** Finds all hits of an application page by page, and counts the pages. */
  async function findAll(backend: Backend, limit: number): Promise<{ found: string[]; pages: number }> {
    const found: string[] = [];
    let [pages, cursor]: [number, string | undefined] = [0, undefined];
    do {
      const page = await backend.index.searchApplication({ applicationId, q: "needle", limit, cursor });
      found.push(...page.hits.map(({ chatNumber, number }) => `${chatNumber}/${number}`));
      [pages, cursor] = [pages + 1, page.next];
    } while (cursor !== undefined);
    return { found, pages };
  }

  for (const limits of [
    { messages: 50, ms: 60_000 },
    { messages: 1_000_000, ms: 0 },
  ]) {
    it(`returns the hits so far after ${limits.messages} messages or ${limits.ms} ms, and a cursor`, async () => {
      const backend = endAfterTest(await createMysqlBackend({ limits }));
      const chats = [newChat(), newChat(), newChat()];
      await backend.put(
        Array.from({ length: 300 }, (_, index) => ({
          ...messageOf(chats[index % 3]!, 1 + index, index % 100 === 0 ? "needle" : "hay"),
          applicationId,
          chatNumber: 1 + (index % 3),
          createdAt: at(index >> 1),
        })),
      );
      const { found, pages } = await findAll(backend, 10);
      expect(found).to.deep.equal(["3/201", "2/101", "1/1"]);
      expect(pages).to.be.at.least(6);
    }).timeout(60_000);
  }

  it("counts the latest messages only if it reaches a limit, and says so", async () => {
    const backend = endAfterTest(await createMysqlBackend({ limits: { messages: 50, ms: 60_000 } }));
    const [first, second] = [newChat(), newChat()];
    const messages = Array.from({ length: 60 }, (_, index) => ({
      ...messageOf(index < 20 ? first : second, 1 + index, "needle"),
      applicationId,
      chatNumber: index < 20 ? 1 : 2,
      createdAt: at(index),
    }));
    await backend.put(messages.slice(10));
    const count = async () => {
      const { chats, isExact } = await backend.index.countHits({ applicationId, q: "needle", limit: 10 });
      return { counts: chats.map(({ chatNumber, hits }) => [chatNumber, hits]), isExact };
    };
    const latest = [
      [2, 40],
      [1, 10],
    ];
    expect(await count()).to.deep.equal({ counts: latest, isExact: true });
    await backend.put(messages);
    expect(await count()).to.deep.equal({ counts: latest, isExact: false });
  });

  it("repeats and skips nothing if the clock of Redis was set back", async () => {
    const backend = endAfterTest(await createMysqlBackend());
    const chats = [newChat(), newChat()];
    // The times in each chat rise to 30, fall back to 10, and rise again.
    const times = [10, 20, 30, 10, 15, 20, 35, 5, 40];
    const messages = chats.flatMap((chatId, index) =>
      times.map((ms, before) => ({
        ...messageOf(chatId, 1 + before, "needle"),
        applicationId,
        chatNumber: 1 + index,
        createdAt: at(ms + index),
      })),
    );
    await backend.put(messages);
    const { found: all } = await findAll(backend, 100);
    expect(all).to.have.members(messages.map(({ chatNumber, number }) => `${chatNumber}/${number}`));
    expect(new Set(all).size).to.equal(messages.length);
    for (const limit of [1, 2, 3, 5, 7]) expect((await findAll(backend, limit)).found).to.deep.equal(all);
  });
});
