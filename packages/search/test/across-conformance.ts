import { expect } from "chai";
import { InvalidCursor, InvalidQuery, type ApplicationSearchRequest } from "@confab/search";
import fc from "fast-check";
import { at, keyOf, newApplication, newestFirst, startTime, type Key } from "./applications.ts";
import type { Backend } from "./backends.ts";
import { failure } from "./failure.ts";
import { newChat } from "./documents.ts";

/** Tests the promises of a search across an application, for all backends. */
export function describeSearchAcross(name: string, backendOf: () => Backend): void {
  describe(`${name} across an application`, () => {
    /** Returns the keys of the hits of all pages. */
    async function find(request: Omit<ApplicationSearchRequest, "limit">, limit = 100): Promise<Key[]> {
      const found: Key[] = [];
      let cursor: string | undefined;
      do {
        const page = await backendOf().index.searchApplication({ ...request, limit, cursor });
        expect(page.hits.length).to.be.at.most(limit);
        found.push(...page.hits.map(keyOf));
        cursor = page.next;
      } while (cursor !== undefined);
      return found;
    }

    it("returns the hits of all chats, newest first, with their chats", async () => {
      const { applicationId, message } = newApplication();
      const documents = [
        message(1, 1, 0),
        message(2, 1, 10),
        message(1, 2, 20, "bye"),
        message(1, 3, 30),
        message(3, 1, 25),
      ];
      await backendOf().put(documents);
      const { hits, next } = await backendOf().index.searchApplication({ applicationId, q: "ell", limit: 10 });
      expect(hits.map(keyOf)).to.deep.equal(["1/3", "3/1", "2/1", "1/1"]);
      expect(next).to.equal(undefined);
      expect(hits[1]).to.deep.include({
        chatId: documents[4]!.chatId,
        createdAt: at(25),
        body: "hello",
        highlights: ["h<mark>ell</mark>o"],
      });
    });

    it("finds nothing of other applications", async () => {
      const [mine, theirs] = [newApplication(), newApplication()];
      await backendOf().put([mine.message(1, 1, 0), theirs.message(1, 1, 10), theirs.message(2, 1, 20)]);
      expect(await find({ applicationId: mine.applicationId, q: "hello" })).to.deep.equal(["1/1"]);
      expect(await find({ applicationId: newApplication().applicationId, q: "hello" })).to.deep.equal([]);
      // A request with an empty list of chats finds nothing either.
      const { applicationId } = newApplication();
      const found = await find({ applicationId, q: "hello", chats: [] });
      expect(found).to.deep.equal([]);
    });

    it("filters by chats, senders and times", async () => {
      const { applicationId, message, chats } = newApplication();
      const documents = [
        ...[1, 2, 3].map((number) => message(1, number, 10 * number)),
        ...[1, 2, 3].map((number) => ({ ...message(2, number, 10 * number + 5), sender: "anna" })),
        { ...message(3, 1, 20), sender: "ben" },
      ];
      await backendOf().put(documents);
      const base = { applicationId, q: "hello" };
      expect(await find({ ...base, chats: chats(at(35), 2) })).to.deep.equal(["2/3", "2/2", "2/1"]);
      expect(await find({ ...base, chats: chats(at(30), 1, 3) })).to.deep.equal(["1/3", "3/1", "1/2", "1/1"]);
      expect(await find({ ...base, chats: [] })).to.deep.equal([]);
      expect(await find({ ...base, chats: [{ id: newChat(), number: 19, lastMessageAt: null }] })).to.deep.equal([]);
      expect(await find({ applicationId, sender: "anna" })).to.deep.equal(["2/3", "2/2", "2/1"]);
      expect(await find({ ...base, sender: "ben" })).to.deep.equal(["3/1"]);
      expect(await find({ ...base, from: at(25) })).to.deep.equal(["2/3", "1/3", "2/2"]);
      expect(await find({ ...base, to: at(25) })).to.deep.equal(["3/1", "1/2", "2/1", "1/1"]);
      expect(await find({ ...base, from: at(15), to: at(20) })).to.deep.equal(["2/1"]);
      expect(await find({ ...base, from: at(20), to: at(20) })).to.deep.equal([]);
      for (const limit of [1, 2]) {
        expect(await find({ ...base, from: at(15), to: at(35) }, limit)).to.deep.equal([
          "1/3",
          "2/2",
          "3/1",
          "1/2",
          "2/1",
        ]);
      }
    });

    it("filters the messages of one chat by times", async () => {
      const { message } = newApplication();
      const documents = [1, 2, 3, 4].map((number) => message(1, number, 10 * number));
      await backendOf().put(documents);
      const { chatId } = documents[0]!;
      const inChat = async (times: { from?: Date; to?: Date }): Promise<number[]> => {
        const found: number[] = [];
        let cursor: string | undefined;
        do {
          const page = await backendOf().index.search({ chatId, q: "hello", limit: 1, cursor, ...times });
          found.push(...page.hits.map(({ number }) => number));
          cursor = page.next;
        } while (cursor !== undefined);
        return found;
      };
      expect(await inChat({ from: at(20) })).to.deep.equal([4, 3, 2]);
      expect(await inChat({ to: at(20) })).to.deep.equal([1]);
      expect(await inChat({ from: at(15), to: at(40) })).to.deep.equal([3, 2]);
      expect(await inChat({ to: at(0) })).to.deep.equal([]);
      expect(await inChat({ from: at(41) })).to.deep.equal([]);
    });

    it("orders any messages by time, chat and number, with pages of any size", async () => {
      // Steps of 0 produce equal times, even within a chat.
      const step = fc.record({ chat: fc.integer({ min: 1, max: 4 }), ms: fc.constantFrom(0, 0, 1, 5) });
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 5, maxLength: 40 }),
          fc.integer({ min: 1, max: 12 }),
          async (steps, limit) => {
            const { applicationId, message } = newApplication();
            const numbers = new Map<number, number>();
            let ms = 0;
            const documents = steps.map((each, index) => {
              const number = (numbers.get(each.chat) ?? 0) + 1;
              numbers.set(each.chat, number);
              return message(each.chat, number, (ms += each.ms), index % 4 === 3 ? "bye" : "hello");
            });
            await backendOf().put(documents);
            const expected = newestFirst(documents.filter(({ body }) => body === "hello"));
            expect(await find({ applicationId, q: "hello" }, limit)).to.deep.equal(expected);
          },
        ),
        { numRuns: 25 },
      );
    }).timeout(60_000);

    it("repeats and skips nothing while messages are added and deleted", async () => {
      const { applicationId, message } = newApplication();
      const documents = Array.from({ length: 30 }, (_, index) =>
        message(1 + (index % 3), 1 + Math.floor(index / 3), 5 * Math.floor(index / 6)),
      );
      await backendOf().put(documents);
      const expected = newestFirst(documents);
      const found: Key[] = [];
      let cursor: string | undefined;
      for (let page = 0; page === 0 || cursor !== undefined; page++) {
        const answer = await backendOf().index.searchApplication({ applicationId, q: "hello", limit: 4, cursor });
        found.push(...answer.hits.map(keyOf));
        cursor = answer.next;
        // Every chat gets new messages, even one without messages so far, and the last hit is deleted.
        const last = documents.find((document) => keyOf(document) === found.at(-1))!;
        await backendOf().put([
          ...[1, 2, 3, 4].map((chat) => message(chat, 50 + page, 1_000 + page)),
          message(last.chatNumber, last.number, Number(last.createdAt) - startTime, null, 2),
        ]);
      }
      expect(found).to.deep.equal(expected);
    });

    it("ends a page of long messages at 1 MiB, and the next page continues there", async () => {
      const { applicationId, message } = newApplication();
      const long = `long ${"x".repeat(65_000)}`;
      const documents = Array.from({ length: 40 }, (_, index) =>
        message(1 + (index % 2), 1 + Math.floor(index / 2), index, long),
      );
      await backendOf().put(documents);
      const pages: Key[][] = [];
      let cursor: string | undefined;
      do {
        const page = await backendOf().index.searchApplication({ applicationId, q: "long", limit: 30, cursor });
        pages.push(page.hits.map(keyOf));
        cursor = page.next;
      } while (cursor !== undefined);
      expect(pages.flat()).to.deep.equal(newestFirst(documents));
      expect(pages.map((page) => page.length)).to.deep.equal([16, 16, 8]);
    });

    it("walks through many messages of many chats", async () => {
      const { applicationId, message } = newApplication();
      const documents = Array.from({ length: 2_000 }, (_, index) =>
        // Chat 1 has most of the messages, and each of the others has one in a hundred.
        message(
          index % 10 === 0 ? 2 + ((index / 10) % 10) : 1,
          1 + index,
          Math.floor(index / 3),
          index % 50 === 0 ? "needle" : "hay",
        ),
      );
      await backendOf().put(documents);
      expect(await find({ applicationId, q: "needle" }, 7)).to.deep.equal(
        newestFirst(documents.filter(({ body }) => body === "needle")),
      );
    });

    it("finds an edited message by its new text only, at its place, and no deleted one", async () => {
      const { applicationId, message } = newApplication();
      await backendOf().put([message(1, 1, 0), message(2, 1, 10, "before"), message(1, 2, 20), message(3, 1, 30)]);
      await backendOf().put([message(2, 1, 10, "hello after", 2), message(3, 1, 30, null, 2)]);
      expect(await find({ applicationId, q: "hello" })).to.deep.equal(["1/2", "2/1", "1/1"]);
      expect(await find({ applicationId, q: "before" })).to.deep.equal([]);
    });

    it("refuses invalid queries and cursors that it did not return", async () => {
      const search = (q: string, cursor?: string) =>
        backendOf().index.searchApplication({ applicationId: 1n, q, limit: 1, cursor });
      expect(await failure(search(" "))).to.be.instanceOf(InvalidQuery);
      for (const cursor of ["", "x", "before-5", "lxq3k9f2-1", "lxq3k9f2-0-1", "LXQ3K9F2-1-1"]) {
        expect(await failure(search("x", cursor)), cursor).to.be.instanceOf(InvalidCursor);
      }
    });
  });
}
