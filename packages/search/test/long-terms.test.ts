import { useEnding, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { createElasticsearchBackend, createMysqlBackend } from "./backends.ts";
import { messagesOf, newChat } from "./documents.ts";

const endAfterTest = useEnding();

const phrase = `${"abab".repeat(60)} end`;
const bodies = Array.from({ length: 60 }, (_, at) =>
  // All texts contain the beginning of the phrase; every fourth one contains the whole phrase.
  at % 4 === 0 ? `x ${phrase} ${at}` : `x ${phrase.slice(0, -1)} ${at}`,
);
const whole = bodies.flatMap((body, at) => (body.includes(phrase) ? [at + 1] : [])).reverse();

for (const [name, create] of Object.entries({
  Elasticsearch: createElasticsearchBackend,
  MySQL: () => createMysqlBackend(),
})) {
  describe(`a long word or phrase, searched in ${name}`, () => {
    const chatId = newChat();
    const backend = useForAll(create);
    before(async () => {
      await backend.put(messagesOf(chatId, bodies));
    });

    for (const order of ["newest", "relevance"] as const) {
      for (const limit of [1, 7, 40]) {
        it(`is found as a whole, each hit once on some page: ${order}, ${limit} per page`, async () => {
          const found: number[] = [];
          let cursor: string | undefined;
          do {
            const page = await backend.index.search({ chatId, q: `"${phrase}"`, order, limit, cursor });
            found.push(...page.hits.map(({ number }) => number));
            expect(page.hits.length).to.be.at.most(limit);
            cursor = page.next;
          } while (cursor !== undefined);
          expect(found).to.deep.equal(whole);
        });
      }
    }
  });
}

describe("the counts of a long phrase", () => {
  it("are called inexact where only its beginning is compared", async () => {
    const backend = endAfterTest(await createElasticsearchBackend());
    const documents = messagesOf(newChat(), bodies).map((document) => ({ ...document, applicationId: 991n }));
    await backend.put(documents);
    const count = (q: string) => backend.index.countHits({ applicationId: 991n, q, limit: 10 });
    expect(await count(phrase.slice(0, 30))).to.deep.include({ isExact: true });
    expect(await count(`"${phrase}"`)).to.deep.include({ isExact: false });
  });
});
