import { expect } from "chai";
import fc from "fast-check";
import {
  applicationSearchQuerySchema,
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
      applicationSearchQuerySchema.safeParse({ q: "x", cursor }).success,
    ];
    expect(accepts("lxq3k9f2-2f0c8a9e")).to.deep.equal([true, false, false]);
    expect(accepts("before-41")).to.deep.equal([false, true, false]);
    expect(accepts("lxq3k9f2-7-41")).to.deep.equal([false, false, true]);
    expect(accepts("0-before-41")).to.deep.equal([false, true, false]);
    expect(accepts("3-lxq3k9f2-7-41")).to.deep.equal([false, false, true]);
    for (const cursor of [
      "",
      "0",
      "x",
      "before-0",
      "before-01",
      "before-99999999999",
      "lxq3k9f2-",
      "lxq3k9f2-0-1",
      "lxq3k9f2-1-0",
      "lxq3k9f2-1-",
      "lxq3k9f-1-1",
      "4-before-1",
      "-before-1",
      "1-1-before-1",
      "4-lxq3k9f2-1-1",
      "YXBwbGljYXRpb24gMQ",
    ]) {
      expect(accepts(cursor), cursor).to.deep.equal([false, false, false]);
    }
  });
});

describe("applicationSearchQuerySchema", () => {
  const parse = (query: object) => applicationSearchQuerySchema.safeParse({ q: "x", ...query });

  it("reads chats as numbers, each once", () => {
    expect(parse({ chats: "7,1,7,2147483647" }).data?.chats).to.deep.equal([7, 1, 2_147_483_647]);
    const numbers = Array.from({ length: 101 }, (_, at) => String(at + 1));
    expect(parse({ chats: numbers.slice(1).join() }).success).to.equal(true);
    for (const chats of ["", "0", "1,", ",1", "1, 2", "01", "1;2", "-1", "2147483648", numbers.join()]) {
      expect(parse({ chats }).success, chats).to.equal(false);
    }
  });

  it("reads times with any zone and precision as the first millisecond that is not before them", () => {
    for (const [text, expected] of [
      ["2026-11-24T08:30:00Z", "2026-11-24T08:30:00.000Z"],
      ["2026-11-24T08:30:00.5+02:00", "2026-11-24T06:30:00.500Z"],
      ["2026-11-24T08:30:00.123000Z", "2026-11-24T08:30:00.123Z"],
      ["2026-11-24T08:30:00.1230001Z", "2026-11-24T08:30:00.124Z"],
      ["0001-01-01T00:00:00+10:00", "1970-01-01T00:00:00.000Z"],
      ["9999-12-31T23:59:59-10:00", "9999-12-31T00:00:00.000Z"],
    ] as const) {
      const { data } = parse({ from: text, to: text });
      expect([data?.from?.toISOString(), data?.to?.toISOString()], text).to.deep.equal([expected, expected]);
    }
    for (const from of ["", "2026-11-24", "2026-11-24T08:30:00", "2026-02-30T00:00:00Z", "1764000000000", "now"]) {
      expect(parse({ from }).success, from).to.equal(false);
    }
  });

  it("requires words or a sender", () => {
    expect(applicationSearchQuerySchema.safeParse({ chats: "1" }).success).to.equal(false);
    expect(applicationSearchQuerySchema.safeParse({ sender: "anna" }).success).to.equal(true);
  });
});

describe("searchQuerySchema", () => {
  it("orders newest first by default, or by relevance", () => {
    for (const schema of [searchQuerySchema, applicationSearchQuerySchema]) {
      expect(schema.parse({ q: "x" }).order).to.equal("newest");
      expect(schema.parse({ q: "x", order: "relevance" }).order).to.equal("relevance");
      for (const order of ["", "oldest", "Relevance"])
        expect(schema.safeParse({ q: "x", order }).success).to.equal(false);
    }
  });

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
