import { expect } from "chai";
import fc from "fast-check";
import { comparePositions, decodeCursor, decodePosition, encodeCursor, encodePosition } from "./cursor.ts";
import { InvalidCursor } from "./errors.ts";

describe("a cursor", () => {
  it("decodes to its number, and is safe in a URL", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_147_483_647 }), (number) => {
        expect(encodeCursor(number)).to.match(/^[\w-]+$/);
        expect(decodeCursor(encodeCursor(number))).to.equal(number);
      }),
    );
  });

  it("is refused in any other form", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => decodeCursor(text)).to.throw(InvalidCursor);
      }),
    );
    for (const end of ["0", "01", "-1", "1.5", "1e3", "99999999999", "5 ", ""]) {
      expect(() => decodeCursor(`before-${end}`), end).to.throw(InvalidCursor);
    }
    expect(() => decodeCursor(`${encodeCursor(5)}=`)).to.throw(InvalidCursor);
  });
});

describe("a cursor of a search across an application", () => {
  const number = fc.integer({ min: 1, max: 2_147_483_647 });
  const positions = fc.record({
    time: fc.integer({ min: 0, max: Date.UTC(2059, 0, 1) }),
    chatNumber: number,
    number,
  });

  it("decodes to its position, and is safe in a URL", () => {
    fc.assert(
      fc.property(positions, (position) => {
        expect(encodePosition(position)).to.match(/^[\w-]+$/);
        expect(decodePosition(encodePosition(position))).to.deep.equal(position);
      }),
    );
  });

  it("is refused in any other form", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => decodePosition(text)).to.throw(InvalidCursor);
      }),
    );
    for (const cursor of ["before-5", "lxq3k9f2-1", "lxq3k9f2-1-0", "LXQ3K9F2-1-1", "lxq3k9f2-1-1 ", "lxq3k9f21-1-1"]) {
      expect(() => decodePosition(cursor), cursor).to.throw(InvalidCursor);
    }
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
