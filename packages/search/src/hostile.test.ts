import { maxPageBytes } from "@confab/contracts";
import { hostileQueries, hostileTexts, longestBlock } from "@confab/testkit";
import { expect } from "chai";
import { inChat } from "./cursor.ts";
import { beginningOf, highlight } from "./highlight.ts";
import { toPage } from "./page.ts";
import { queryTerms } from "./query.ts";

const maxMs = 50;

const messagesOf = (body: string, count: number) =>
  Array.from({ length: count }, (_, at) => {
    const time = new Date();
    const number = count - at;
    const message = {
      number,
      version: 1,
      changeNumber: null,
      uid: new Uint8Array(16),
      body,
      createdAt: time,
      updatedAt: time,
    };
    return { message, cursor: inChat.encode(number) };
  });

describe("highlighting hostile texts", () => {
  for (const [name, body] of Object.entries(hostileTexts)) {
    it(`does not block other work during a page of ${name}`, async () => {
      for (const q of hostileQueries) {
        const terms = queryTerms(q);
        const work = () => toPage(messagesOf(body, 4), { limit: 200, terms });
        expect(await longestBlock(work, 2), q).to.be.below(maxMs);
      }
    });

    it(`shows fragments of limited length of ${name}`, () => {
      for (const q of hostileQueries) {
        for (const fragments of [highlight(body, queryTerms(q)), beginningOf(body)]) {
          expect(fragments.length).to.be.within(1, 3);
          // Escaping turns a letter into up to six, and each may have a mark around it.
          expect(fragments.join("").length, q).to.be.below(3 * 1000 * 6);
        }
      }
    });
  }
});

describe("a page of hits", () => {
  it("gives other work a turn between its hits", async () => {
    const found = messagesOf(hostileTexts["all characters"] ?? "", 200);
    expect(await longestBlock(() => toPage(found, { limit: 200, terms: ["e"] }))).to.be.below(maxMs);
  });

  const numbers = async (...[found, options]: Parameters<typeof toPage>) => {
    const { hits, next } = await toPage(found, options);
    return { numbers: hits.map(({ number }) => number), next };
  };

  it("ends before its bodies exceed 1 MiB, and the next page continues there", async () => {
    const found = messagesOf("x".repeat(65_535), 40);
    const { hits, next } = await toPage(found, { limit: 30, terms: ["x"] });
    expect(hits).to.have.length(16);
    expect(hits.reduce((bytes, { body }) => bytes + body.length, 0)).to.be.within(maxPageBytes - 65_535, maxPageBytes);
    expect(next).to.equal("before-25");
  });

  it("has no next page at the end, and else the given one if all hits are shown", async () => {
    const found = messagesOf("x", 3);
    expect(await numbers(found, { limit: 3, terms: ["x"] })).to.deep.equal({ numbers: [3, 2, 1], next: undefined });
    expect((await numbers(found, { limit: 3, terms: ["x"], rest: "before-1" })).next).to.equal("before-1");
    expect(await numbers([], { limit: 3, terms: ["x"] })).to.deep.equal({ numbers: [], next: undefined });
    expect((await numbers([], { limit: 3, terms: ["x"], rest: "before-7" })).next).to.equal("before-7");
  });

  it("shows beginnings without marks after the time limit for highlighting", async () => {
    const found = messagesOf(`<${"é".repeat(30_000)}`, 5);
    const { hits } = await toPage(found, { limit: 5, terms: ["e"], highlightMs: 1 });
    expect(hits[0]?.highlights[0]).to.include("<mark>");
    expect(hits[4]?.highlights).to.deep.equal([`&lt;${"é".repeat(159)}…`]);
  });
});
