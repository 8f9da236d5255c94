import { expect } from "chai";
import fc from "fast-check";
import {
  applicationsQuerySchema,
  chatsQuerySchema,
  linkHeader,
  maxQueryCharacters,
  messagesQuerySchema,
  searchQuerySchema,
} from "./pagination.ts";

describe("the queries of lists", () => {
  it("have 50 entries per page by default, ascending", () => {
    expect(messagesQuerySchema.parse({})).to.deep.equal({ limit: 50, order: "asc" });
  });

  it("take every limit from 1 to 200 and every place from 0, and no other number", () => {
    fc.assert(
      fc.property(fc.integer({ min: -10, max: 300 }), (number) => {
        const text = String(number);
        expect(chatsQuerySchema.safeParse({ limit: text }).success).to.equal(number >= 1 && number <= 200);
        expect(chatsQuerySchema.safeParse({ after: text }).success).to.equal(number >= 0);
      }),
    );
    expect(chatsQuerySchema.safeParse({ after: "2147483648" }).success).to.equal(false);
  });

  it("refuse what only looks like a number", () => {
    for (const text of ["", " 1", "1 ", "+1", "1.0", "1e2", "0x1", "١", "1,2", "null", "99999999999"]) {
      expect(messagesQuerySchema.safeParse({ limit: text }).success, JSON.stringify(text)).to.equal(false);
      expect(messagesQuerySchema.safeParse({ before: text }).success, JSON.stringify(text)).to.equal(false);
    }
  });

  it("take cursors of the one form that they give out", () => {
    const accepts = (cursor: string) => [
      applicationsQuerySchema.safeParse({ after: cursor }).success,
      searchQuerySchema.safeParse({ q: "x", cursor }).success,
    ];
    expect(accepts("lxq3k9f2-2f0c8a9e")).to.deep.equal([true, false]);
    expect(accepts("before-41")).to.deep.equal([false, true]);
    for (const cursor of [
      "",
      "0",
      "x",
      "before-0",
      "before-01",
      "before-99999999999",
      "lxq3k9f2-",
      "YXBwbGljYXRpb24gMQ",
    ]) {
      expect(accepts(cursor), cursor).to.deep.equal([false, false]);
    }
  });
});

describe("searchQuerySchema", () => {
  it("limits a query by characters, not by UTF-16 units", () => {
    const accepts = (q: unknown): boolean => searchQuerySchema.safeParse({ q }).success;
    expect(accepts("😀".repeat(maxQueryCharacters))).to.equal(true);
    expect(accepts("😀".repeat(maxQueryCharacters + 1))).to.equal(false);
    for (const q of [undefined, "", " \u3000", ["a", "b"]]) expect(accepts(q), JSON.stringify(q)).to.equal(false);
  });
});

describe("linkHeader", () => {
  it("is absent where there is no other page", () => {
    expect(linkHeader("/a", { limit: 1 }, {})).to.equal(undefined);
    expect(linkHeader("/a", { limit: 1 }, { next: undefined, prev: undefined })).to.equal(undefined);
  });

  it("puts a relation's parameters in the place of the query's", () => {
    const header = linkHeader(
      "/a",
      { limit: 2, after: 4, order: undefined },
      { prev: { after: 1 }, next: { after: 6 } },
    );
    expect(header).to.equal('</a?limit=2&after=1>; rel="prev", </a?limit=2&after=6>; rel="next"');
  });

  it("gives back any query, whatever its characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary-ascii" }), (q, cursor) => {
        const header = linkHeader("/a", { q }, { next: { cursor } });
        const target = /^<([^<>]*)>; rel="next"$/.exec(header ?? "")?.[1];
        const { searchParams } = new URL(target ?? "", "http://localhost");
        expect([searchParams.get("q"), searchParams.get("cursor")]).to.deep.equal([q, cursor]);
      }),
    );
  });
});
