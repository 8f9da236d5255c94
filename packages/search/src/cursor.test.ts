import { expect } from "chai";
import fc from "fast-check";
import { comparePositions, cursorsOf, inApplication, inChat } from "./cursor.ts";
import { InvalidCursor } from "./errors.ts";

const number = fc.integer({ min: 1, max: 2_147_483_647 });
const positions = fc.record({ time: fc.integer({ min: 0, max: Date.UTC(2059, 0, 1) }), chatNumber: number, number });
const ranks = fc.integer({ min: 0, max: 3 });

describe("a cursor", () => {
  const [newest, relevance] = [cursorsOf("newest", inChat), cursorsOf("relevance", inChat)];

  it("decodes to its number, by relevance with the rank, and is safe in a URL", () => {
    fc.assert(
      fc.property(number, ranks, (position, rank) => {
        expect(newest.decode(newest.encode({ rank: 0, position }))).to.deep.equal({ rank: 0, position });
        expect(relevance.decode(relevance.encode({ rank, position }))).to.deep.equal({ rank, position });
        for (const { encode } of [newest, relevance]) expect(encode({ rank, position })).to.match(/^[\w-]+$/);
      }),
    );
  });

  it("is refused in any other form", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const { decode } of [newest, relevance]) expect(() => decode(text)).to.throw(InvalidCursor);
      }),
    );
    for (const end of ["0", "01", "-1", "1.5", "1e3", "99999999999", "5 ", "5=", ""]) {
      expect(() => newest.decode(`before-${end}`), end).to.throw(InvalidCursor);
      expect(() => relevance.decode(`1-before-${end}`), end).to.throw(InvalidCursor);
    }
    for (const begin of ["4-", "-", "01-", "1-1-", "1--", "1"]) {
      expect(() => relevance.decode(`${begin}before-5`), begin).to.throw(InvalidCursor);
    }
  });

  it("is refused by the other order", () => {
    fc.assert(
      fc.property(number, ranks, (position, rank) => {
        expect(() => relevance.decode(newest.encode({ rank, position }))).to.throw(InvalidCursor);
        expect(() => newest.decode(relevance.encode({ rank, position }))).to.throw(InvalidCursor);
      }),
    );
  });
});

describe("a cursor of a search across an application", () => {
  const [newest, relevance] = [cursorsOf("newest", inApplication), cursorsOf("relevance", inApplication)];

  it("decodes to its position, by relevance with the rank, and is safe in a URL", () => {
    fc.assert(
      fc.property(positions, ranks, (position, rank) => {
        expect(newest.decode(newest.encode({ rank: 0, position }))).to.deep.equal({ rank: 0, position });
        expect(relevance.decode(relevance.encode({ rank, position }))).to.deep.equal({ rank, position });
        for (const { encode } of [newest, relevance]) expect(encode({ rank, position })).to.match(/^[\w-]+$/);
      }),
    );
  });

  it("is refused in any other form, and by the other order", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const { decode } of [newest, relevance]) expect(() => decode(text)).to.throw(InvalidCursor);
      }),
    );
    for (const text of ["before-5", "lxq3k9f2-1", "lxq3k9f2-1-0", "LXQ3K9F2-1-1", "lxq3k9f2-1-1 ", "lxq3k9f21-1-1"]) {
      expect(() => newest.decode(text), text).to.throw(InvalidCursor);
      expect(() => relevance.decode(`1-${text}`), text).to.throw(InvalidCursor);
    }
    expect(() => relevance.decode("lxq3k9f2-1-1")).to.throw(InvalidCursor);
    expect(() => newest.decode("3-lxq3k9f2-1-1")).to.throw(InvalidCursor);
  });

  it("orders by time, then by chat number, then by number", () => {
    const sorted = [
      { time: 1, chatNumber: 9, number: 9 },
      { time: 2, chatNumber: 1, number: 9 },
      { time: 2, chatNumber: 2, number: 1 },
      { time: 2, chatNumber: 2, number: 2 },
    ];
    expect(sorted.toReversed().sort(comparePositions)).to.deep.equal(sorted);
  });
});
