import { expect } from "chai";
import { fold, InvalidCursor, queryProblem, queryTerms, type SearchDocument, type SearchPage } from "@confab/search";
import fc from "fast-check";
import { at, keyOf, newApplication, newestFirst, type Key } from "./applications.ts";
import type { Backend } from "./backends.ts";
import { messagesOf, newChat } from "./documents.ts";
import { failure } from "./failure.ts";

const isWord = (character = ""): boolean => /[\p{L}\p{M}\p{N}]/u.test(character) && !/[京คา]/u.test(character);

/**
 * Returns whether a folded term occurs in a folded text at the beginning of a word or, if `whole` is true, as whole
 * words only.
 */
function occurs(text: string, term: string, { whole }: { whole: boolean }): boolean {
  const [characters, wanted] = [Array.from(text), Array.from(term)];
  return characters.some((_, start) => {
    const end = start + wanted.length;
    if (wanted.some((character, index) => characters[start + index] !== character)) return false;
    if (isWord(characters[start - 1]) && isWord(wanted[0])) return false;
    return !whole || !(isWord(characters[end]) && isWord(wanted.at(-1)));
  });
}

/** Returns the rank according to its definition, without the marks that the backends use. */
function rankOf(body: string, q: string): number {
  const [text, terms] = [fold(body), queryTerms(q)];
  if (!terms.every((term) => occurs(text, term, { whole: false }))) return 0;
  if (!terms.every((term) => occurs(text, term, { whole: true }))) return 1;
  return terms.length > 1 && occurs(text, terms.join(" "), { whole: true }) ? 3 : 2;
}

/** Tests the promises of the order by relevance, for all backends. */
export function describeRelevance(name: string, backendOf: () => Backend): void {
  describe(name, () => {
    type Search = (cursor: string | undefined) => Promise<SearchPage>;
    const inChat = (chatId: bigint, q: string, limit: number): Search => {
      return (cursor) => backendOf().index.search({ chatId, q, order: "relevance", limit, cursor });
    };
    const across = (applicationId: bigint, q: string, limit: number): Search => {
      return (cursor) => backendOf().index.searchApplication({ applicationId, q, order: "relevance", limit, cursor });
    };

    /** Finds the hits of all pages and returns a value for each, such as the body or the message's key. */
    async function findAll<Hit, Value>(
      search: (cursor: string | undefined) => Promise<{ hits: Hit[]; next?: string }>,
      valueOf: (hit: Hit) => Value,
    ): Promise<Value[]> {
      const found: Value[] = [];
      let cursor: string | undefined;
      do {
        const page = await search(cursor);
        found.push(...page.hits.map(valueOf));
        cursor = page.next;
      } while (cursor !== undefined);
      return found;
    }
    const numbers = async (chatId: bigint, q: string, limit = 100) =>
      findAll(inChat(chatId, q, limit), ({ number }) => number);

    it("shows neighbouring words first, then whole words, then beginnings of words, then the rest", async () => {
      const chatId = newChat();
      const bodies = [
        "the payment failed twice",
        "failed: my payment",
        "payment failedness",
        "prepayment failed",
        "repayment failedness",
        "Payment Failed!",
        "payments failed",
        "payment\nfailed",
        "nothing",
      ];
      await backendOf().put(messagesOf(chatId, bodies));
      for (const limit of [1, 2, 3, 7, 8, 100]) {
        expect(await numbers(chatId, "payment failed", limit)).to.deep.equal([6, 1, 8, 2, 7, 3, 5, 4]);
        expect(await numbers(chatId, "payment", limit)).to.deep.equal([8, 6, 3, 2, 1, 7, 5, 4]);
      }
      const [hit] = (await backendOf().index.search({ chatId, q: "payment failed", order: "relevance", limit: 1 }))
        .hits;
      expect(hit?.highlights).to.deep.equal(["<mark>Payment</mark> <mark>Failed</mark>!"]);
    });

    it("shows the newest first without words, and by default", async () => {
      const chatId = newChat();
      const documents = messagesOf(chatId, ["ell", "hello", "hello ell"]);
      await backendOf().put(documents.map((document) => ({ ...document, sender: "anna" })));
      const search = async (options: object) =>
        (await backendOf().index.search({ chatId, limit: 10, ...options })).hits.map(({ number }) => number);
      expect(await search({ sender: "anna", order: "relevance" })).to.deep.equal([3, 2, 1]);
      expect(await search({ q: "ell" })).to.deep.equal([3, 2, 1]);
      expect(await search({ q: "ell", order: "newest" })).to.deep.equal([3, 2, 1]);
      expect(await search({ q: "ell", order: "relevance" })).to.deep.equal([3, 1, 2]);
    });

    it("orders any messages by rank, time, chat and number, with pages of any size", async () => {
      const words = fc.constantFrom("pay", "paying", "repay", "fail", "failed", "unfail", "京", "c++", "don't", "é");
      const gaps = fc.constantFrom(" ", " ", "-", "\n", "", ", ");
      const body = fc
        .array(fc.tuple(words, gaps), { minLength: 1, maxLength: 5 })
        .map((parts) => parts.flat().join(""));
      const any = fc.record({ chat: fc.integer({ min: 1, max: 3 }), ms: fc.constantFrom(0, 1), body });
      const queries = fc.constantFrom(
        "pay",
        "fail",
        "pay fail",
        '"pay fail"',
        "fail pay",
        "e",
        "+",
        "c++ pay",
        "'t",
        "京",
      );
      await fc.assert(
        fc.asyncProperty(
          fc.array(any, { minLength: 5, maxLength: 30 }),
          fc.array(queries, { minLength: 3, maxLength: 3 }),
          fc.integer({ min: 1, max: 12 }),
          async (messages, asked, limit) => {
            const { applicationId, message } = newApplication();
            const counts = new Map<number, number>();
            let ms = 0;
            const documents = messages.map((each) => {
              const number = (counts.get(each.chat) ?? 0) + 1;
              counts.set(each.chat, number);
              return message(each.chat, number, (ms += each.ms), each.body);
            });
            await backendOf().put(documents);
            const ranked = (q: string, among: readonly SearchDocument[]): Key[] => {
              const hits = among.filter((each) => queryTerms(q).every((term) => fold(each.body).includes(term)));
              return [3, 2, 1, 0].flatMap((rank) => newestFirst(hits.filter((each) => rankOf(each.body, q) === rank)));
            };
            for (const q of asked) {
              const found = await findAll(
                (cursor) =>
                  backendOf().index.searchApplication({ applicationId, q, order: "relevance", limit, cursor }),
                keyOf,
              );
              expect(found, q).to.deep.equal(ranked(q, documents));
              const { chatId, chatNumber } = documents[0]!;
              const ofChat = documents.filter((document) => document.chatId === chatId);
              const keys = (await numbers(chatId, q, limit)).map((number) => keyOf({ chatNumber, number }));
              expect(keys, q).to.deep.equal(ranked(q, ofChat));
            }
          },
        ),
        { numRuns: 25 },
      );
    }).timeout(60_000);

    it("orders texts of any characters by the definition", async () => {
      const unit = fc.constantFrom(...Array.from("ab1 -_.'\u0301京คé😀Σςß\uFE0F"));
      const texts = fc.string({ unit, minLength: 1, maxLength: 12 });
      await fc.assert(
        fc.asyncProperty(
          fc.array(texts, { minLength: 5, maxLength: 20 }),
          fc.array(fc.string({ unit, minLength: 1, maxLength: 3 }), { minLength: 5, maxLength: 5 }),
          async (bodies, queries) => {
            const chatId = newChat();
            await backendOf().put(messagesOf(chatId, bodies));
            for (const q of queries.filter((query) => queryProblem(query) === undefined)) {
              const found = await findAll(inChat(chatId, q, 3), ({ body }) => rankOf(body, q));
              expect(found, q).to.deep.equal(found.toSorted((a, b) => b - a));
              expect(found.length).to.equal((await backendOf().index.search({ chatId, q, limit: 100 })).hits.length);
            }
          },
        ),
        { numRuns: 25 },
      );
    }).timeout(60_000);

    it("takes the filters of a search, also across an application", async () => {
      const { applicationId, message, chats } = newApplication();
      await backendOf().put([
        { ...message(1, 1, 0, "ell"), sender: "anna" },
        { ...message(1, 2, 10, "hello"), sender: "anna" },
        { ...message(2, 1, 20, "ell"), sender: "ben" },
        { ...message(2, 2, 30, "hello"), sender: "anna" },
        { ...message(3, 1, 40, "elliot"), sender: "anna" },
      ]);
      const find = async (filters: object) =>
        findAll(
          (cursor) =>
            backendOf().index.searchApplication({
              applicationId,
              q: "ell",
              order: "relevance",
              limit: 2,
              cursor,
              ...filters,
            }),
          keyOf,
        );
      expect(await find({})).to.deep.equal(["2/1", "1/1", "3/1", "2/2", "1/2"]);
      expect(await find({ sender: "anna" })).to.deep.equal(["1/1", "3/1", "2/2", "1/2"]);
      expect(await find({ from: at(10), to: at(40) })).to.deep.equal(["2/1", "2/2", "1/2"]);
      expect(await find({ chats: chats(at(40), 1, 3) })).to.deep.equal(["1/1", "3/1", "1/2"]);
      const chatId = chats(at(40), 2)[0]!.id;
      const inTime = await findAll(
        (cursor) => backendOf().index.search({ chatId, q: "ell", order: "relevance", from: at(15), limit: 1, cursor }),
        ({ number }) => number,
      );
      expect(inTime).to.deep.equal([1, 2]);
    });

    it("repeats and skips nothing while messages are added and deleted", async () => {
      const { applicationId, message } = newApplication();
      const bodyOf = (index: number) => ["ell", "hello", "elliot"][index % 3]!;
      const documents = Array.from({ length: 30 }, (_, index) =>
        message(1 + (index % 2), 1 + Math.floor(index / 2), 5 * index, bodyOf(index)),
      );
      await backendOf().put(documents);
      const expected = [0, 2, 1].flatMap((kind) => newestFirst(documents.filter((_, index) => index % 3 === kind)));
      const found: Key[] = [];
      let cursor: string | undefined;
      for (let page = 0; page === 0 || cursor !== undefined; page++) {
        const answer = await backendOf().index.searchApplication({
          applicationId,
          q: "ell",
          order: "relevance",
          limit: 4,
          cursor,
        });
        found.push(...answer.hits.map(keyOf));
        cursor = answer.next;
        // The last hit is deleted. A new message of the highest rank appears on none of the following pages.
        const last = documents.find((document) => keyOf(document) === found.at(-1))!;
        await backendOf().put([
          message(3, 50 + page, 1_000 + page, "ell"),
          { ...last, body: "", version: 2, deletedAt: last.updatedAt },
        ]);
      }
      expect(found).to.deep.equal(expected);
    });

    it("ends a page of long messages at 1 MiB, and the next page continues there", async () => {
      const chatId = newChat();
      const long = "x".repeat(65_000);
      await backendOf().put(
        messagesOf(
          chatId,
          Array.from({ length: 40 }, (_, index) => `${index % 2 === 0 ? "long" : "oblong"} ${long}`),
        ),
      );
      const pages: number[][] = [];
      let cursor: string | undefined;
      do {
        const page = await inChat(chatId, "long", 30)(cursor);
        pages.push(page.hits.map(({ number }) => number));
        cursor = page.next;
      } while (cursor !== undefined);
      expect(pages.map((page) => page.length)).to.deep.equal([16, 16, 8]);
      const descending = Array.from({ length: 40 }, (_, index) => 40 - index);
      expect(pages.flat()).to.deep.equal([1, 0].flatMap((odd) => descending.filter((number) => number % 2 === odd)));
    });

    it("refuses the cursors of the other order, and continues each one in its own", async () => {
      const { applicationId, message } = newApplication();
      const documents = [message(1, 1, 0), message(1, 2, 10)];
      await backendOf().put(documents);
      const { chatId } = documents[0]!;
      for (const searchWith of [
        (order: "newest" | "relevance", cursor?: string) =>
          backendOf().index.search({ chatId, q: "hello", order, limit: 1, cursor }),
        (order: "newest" | "relevance", cursor?: string) =>
          backendOf().index.searchApplication({ applicationId, q: "hello", order, limit: 1, cursor }),
      ]) {
        for (const [order, other] of [
          ["newest", "relevance"],
          ["relevance", "newest"],
        ] as const) {
          const { next } = await searchWith(order);
          expect(next).to.be.a("string");
          expect((await searchWith(order, next)).hits.map(({ number }) => number)).to.deep.equal([1]);
          expect(await failure(searchWith(other, next)), next).to.be.instanceOf(InvalidCursor);
        }
      }
      for (const cursor of ["4-before-5", "before-5", "1-before-0", "1-lxq3k9f2-1-1", ""]) {
        expect(await failure(inChat(chatId, "hello", 1)(cursor)), cursor).to.be.instanceOf(InvalidCursor);
      }
      for (const cursor of ["4-lxq3k9f2-1-1", "1-before-5", "lxq3k9f2-1-1"]) {
        expect(await failure(across(applicationId, "hello", 1)(cursor)), cursor).to.be.instanceOf(InvalidCursor);
      }
    });
  });
}
