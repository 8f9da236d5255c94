import { expect } from "chai";
import { createMysqlBackend, type Backend } from "./backends.ts";
import { describeSearchIndex } from "./conformance.ts";
import { messagesOf, newChat } from "./documents.ts";

describeSearchIndex("search in MySQL", () => createMysqlBackend());

describe("a search in MySQL that reaches a limit", () => {
  for (const limits of [
    { messages: 500, ms: 60_000 },
    { messages: 1_000_000, ms: 0 },
  ]) {
    it(`returns the hits so far after ${limits.messages} messages or ${limits.ms} ms, and a cursor`, async () => {
      const backend: Backend = await createMysqlBackend({ limits });
      try {
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
      } finally {
        await backend.remove();
      }
    });
  }
});
