import { expect } from "chai";
import { InvalidQuery, type CountRequest } from "@confab/search";
import fc from "fast-check";
import { at, newApplication } from "./applications.ts";
import type { Backend } from "./backends.ts";
import { failure } from "./failure.ts";

/** Tests the promises of hit counts, for all backends. */
export function describeCounts(name: string, backendOf: () => Backend): void {
  describe(`${name} with counts`, () => {
    /** Returns chats and their numbers of hits, in the order of the answer. */
    async function count(request: Omit<CountRequest, "limit">, limit = 20): Promise<[chat: number, hits: number][]> {
      const { chats, isExact } = await backendOf().index.countHits({ ...request, limit });
      expect(isExact).to.equal(true);
      return chats.map(({ chatNumber, hits }) => [chatNumber, hits]);
    }

    it("counts the hits of each chat, the most first, then by number", async () => {
      const { applicationId, message } = newApplication();
      const chats = [3, 1, 2, 3, 4, 1, 2, 3, 5];
      const documents = chats.map((chat, index) => message(chat, 1 + index, index, chat === 5 ? "bye" : "hello"));
      await backendOf().put(documents);
      expect(await count({ applicationId, q: "ell" })).to.deep.equal([
        [3, 3],
        [1, 2],
        [2, 2],
        [4, 1],
      ]);
      expect(await count({ applicationId, q: "ell" }, 2)).to.deep.equal([
        [3, 3],
        [1, 2],
      ]);
      expect(await count({ applicationId, q: "absent" })).to.deep.equal([]);
      const { chats: counted } = await backendOf().index.countHits({ applicationId, q: "ell", limit: 1 });
      expect(counted).to.deep.equal([{ chatId: documents[0]!.chatId, chatNumber: 3, hits: 3 }]);
    });

    it("counts with the filters of a search, and nothing of other applications", async () => {
      const [mine, theirs] = [newApplication(), newApplication()];
      const { applicationId, message, chats } = mine;
      await backendOf().put([
        { ...message(1, 1, 0), sender: "anna" },
        { ...message(1, 2, 10), sender: "ben" },
        { ...message(2, 1, 20), sender: "anna" },
        message(3, 1, 30),
        theirs.message(1, 1, 0),
      ]);
      const base = { applicationId, q: "hello" };
      expect(await count({ applicationId, sender: "anna" })).to.deep.equal([
        [1, 1],
        [2, 1],
      ]);
      expect(await count({ ...base, from: at(10), to: at(30) })).to.deep.equal([
        [1, 1],
        [2, 1],
      ]);
      expect(await count({ ...base, chats: chats(at(30), 1, 3) })).to.deep.equal([
        [1, 2],
        [3, 1],
      ]);
      expect(await count({ ...base, chats: [] })).to.deep.equal([]);
      expect(await count({ ...base, applicationId: theirs.applicationId })).to.deep.equal([[1, 1]]);
    });

    it("counts an edited message by its new text only, and no deleted one", async () => {
      const { applicationId, message } = newApplication();
      await backendOf().put([message(1, 1, 0), message(1, 2, 10, "before"), message(2, 1, 20), message(2, 2, 30)]);
      await backendOf().put([message(1, 2, 10, "hello", 2), message(2, 1, 20, null, 2), message(2, 2, 30, null, 2)]);
      expect(await count({ applicationId, q: "hello" })).to.deep.equal([[1, 2]]);
      expect(await count({ applicationId, q: "before" })).to.deep.equal([]);
    });

    it("counts exactly what the search finds, for any messages", async () => {
      const any = fc.record({
        chat: fc.integer({ min: 1, max: 20 }),
        body: fc.constantFrom("a", "b", "ab", "c a"),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(any, { minLength: 10, maxLength: 200 }), async (messages) => {
          const { applicationId, message } = newApplication();
          await backendOf().put(messages.map(({ chat, body }, index) => message(chat, 1 + index, index, body)));
          const expected = new Map<number, number>();
          for (const { chat, body } of messages) {
            if (body.includes("a")) expected.set(chat, (expected.get(chat) ?? 0) + 1);
          }
          const sorted = [...expected].sort(([a, hits], [b, others]) => others - hits || a - b);
          for (const limit of [1, 5, 200]) {
            expect(await count({ applicationId, q: "a" }, limit)).to.deep.equal(sorted.slice(0, limit));
          }
        }),
        { numRuns: 10 },
      );
    });

    it("refuses invalid queries", async () => {
      const error = await failure(backendOf().index.countHits({ applicationId: 1n, q: " ", limit: 1 }));
      expect(error).to.be.instanceOf(InvalidQuery);
    });
  });
}
