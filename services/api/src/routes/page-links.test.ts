import { messagesQuerySchema, type MessagesQuery, type PageLinks } from "@confab/contracts";
import { expect } from "chai";
import fc from "fast-check";
import { rangeAround } from "../reading/fit-around.ts";
import { linksOf, walkOf } from "./page-links.ts";

const last = 100;
const queryOf = (text: string): MessagesQuery =>
  messagesQuerySchema.parse(Object.fromEntries(new URLSearchParams(text)));

/** Reads a page of a chat that has all numbers from 1 to 100. Returns the numbers on the page, and its links. */
function read(text: string): { shown: string; links: Record<string, string> } {
  const query = queryOf(text);
  const { from, to, order, limit } = query.around === undefined ? walkOf(query) : centred(query);
  const all = Array.from({ length: last }, (_, at) => at + 1).filter((number) => number >= from && number <= to);
  const numbers = order === "asc" ? all.slice(0, limit) : all.slice(-limit);
  const links = linksOf(query, { numbers, last, more: all.length > numbers.length });
  const shown = query.order === "asc" ? numbers : numbers.toReversed();
  return { shown: shown.length === 0 ? "none" : `${shown[0]}..${shown.at(-1)}`, links: textsOf(text, links) };
}

function centred(query: MessagesQuery) {
  return { ...rangeAround(query.around ?? 0, query.limit, last), order: "asc" as const, limit: query.limit };
}

function textsOf(text: string, links: PageLinks): Record<string, string> {
  const query = Object.fromEntries(new URLSearchParams(text));
  const entries = Object.entries(links).flatMap(([relation, changes]) => {
    if (changes === undefined) return [];
    const merged = Object.entries({ ...query, ...changes }).filter(([, value]) => value !== undefined);
    return [[relation, merged.map(([name, value]) => `${name}=${String(value)}`).join("&")]];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

describe("the position of a page among the messages of a chat", () => {
  const cases: [query: string, shown: string, prev: string | undefined, next: string | undefined][] = [
    ["limit=20", "1..20", undefined, "limit=20&after=20"],
    ["limit=20&order=desc", "100..81", undefined, "limit=20&order=desc&before=81"],
    ["before=41&limit=20", "21..40", "before=21&limit=20", "limit=20&after=40"],
    ["before=41&limit=20&order=desc", "40..21", "limit=20&order=desc&after=40", "before=21&limit=20&order=desc"],
    ["after=40&limit=20&order=desc", "60..41", "after=60&limit=20&order=desc", "limit=20&order=desc&before=41"],
    ["after=5&limit=20", "6..25", "limit=20&before=6", "after=25&limit=20"],
    ["before=6&limit=20", "1..5", undefined, "limit=20&after=5"],
    ["after=10&before=21", "11..20", undefined, undefined],
    ["after=10&before=21&limit=3", "11..13", undefined, "after=10&before=21&limit=3&cursor=after-13"],
    [
      "after=10&before=21&limit=3&order=desc",
      "20..18",
      undefined,
      "after=10&before=21&limit=3&order=desc&cursor=before-18",
    ],
    [
      "after=10&before=21&limit=3&order=desc&cursor=before-18",
      "17..15",
      "after=10&before=21&limit=3&order=desc&cursor=after-17",
      "after=10&before=21&limit=3&order=desc&cursor=before-15",
    ],
    ["after=100", "none", "before=101", undefined],
    ["after=5000&limit=20", "none", "limit=20&before=5001", undefined],
    ["before=1", "none", undefined, "after=0"],
    ["before=0", "none", undefined, "after=0"],
    ["after=100&order=desc", "none", undefined, "order=desc&before=101"],
    ["around=50&limit=20", "40..59", "limit=20&before=40", "limit=20&after=59"],
    ["around=50&limit=21&order=desc", "60..40", "limit=21&order=desc&after=60", "limit=21&order=desc&before=40"],
    ["around=3&limit=20", "1..20", undefined, "limit=20&after=20"],
    ["around=99&limit=20", "81..100", "limit=20&before=81", undefined],
    ["around=1000&limit=1", "100..100", "limit=1&before=100", undefined],
  ];
  for (const [query, shown, prev, next] of cases) {
    it(`shows ${shown} for ?${query}, with links that keep limit, order and window`, () => {
      const page = read(query);
      expect(page.shown).to.equal(shown);
      expect(page.links.prev).to.equal(prev);
      expect(page.links.next).to.equal(next);
    });
  }

  it("has every message between first and last, and reaches each of them both ways", () => {
    const bound = fc.option(fc.nat({ max: 120 }), { nil: undefined });
    const order = fc.constantFrom("asc", "desc");
    fc.assert(
      fc.property(bound, bound, order, fc.integer({ min: 1, max: 30 }), (after, before, direction, limit) => {
        const window = after === undefined || before === undefined ? {} : { after, before };
        const text = new URLSearchParams(
          Object.entries({ ...window, order: direction, limit }).map(([name, value]): [string, string] => [
            name,
            String(value),
          ]),
        ).toString();
        const pages = follow(text, "next");
        const seen = pages.map((page) => read(page).shown);
        expect(
          follow(pages.at(-1)!, "prev")
            .map((page) => read(page).shown)
            .toReversed(),
        ).to.deep.equal(seen);
        expect(read(read(pages.at(-1)!).links.first ?? text).shown).to.equal(seen[0]);
        const { links } = read(text);
        if (links.last !== undefined)
          expect(read(links.last).shown.split("..")[1]).to.equal(seen.at(-1)?.split("..")[1]);
        else expect(pages).to.have.length(1);
      }),
    );
  });

  it("puts a number in the middle, as near as the ends allow, and always on the page", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 200 }),
        fc.nat({ max: 250 }),
        (n, limit, end) => {
          const { from, to } = rangeAround(n, limit, end);
          expect(to - from + 1).to.equal(Math.min(limit, end));
          if (n <= end) expect(n).to.be.within(from, to);
          if (n <= end && from > 1 && to < end) expect(Math.abs(n - from - (to - n))).to.be.at.most(1);
        },
      ),
    );
  });
});

function follow(text: string, relation: "next" | "prev"): string[] {
  const pages = [text];
  for (let at = read(text).links[relation]; at !== undefined; at = read(at).links[relation]) pages.push(at);
  return pages;
}
