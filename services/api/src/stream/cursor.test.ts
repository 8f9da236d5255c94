import { maxChangeNumber, maxNumber, ProblemError } from "@confab/contracts";
import { expect } from "chai";
import fc from "fast-check";
import { Cursor, decodeCursor, type Positions } from "./cursor.ts";

const token = "2f0c8a9e-5d0b-4b52-9a63-0c6ab5c3b6f1";
const number = (min: number) => fc.oneof(fc.integer({ min, max: 200 }), fc.integer({ min, max: maxNumber }));
const change = fc.oneof(number(0), fc.integer({ min: 0, max: maxChangeNumber }));
const positions = fc.uniqueArray(
  fc.record(
    {
      chat: number(1),
      position: fc.record({ number: number(0), change, numbering: number(0) }, { noNullPrototype: true }),
    },
    { noNullPrototype: true },
  ),
  { minLength: 1, maxLength: 300, selector: ({ chat }) => chat },
);
const encodeCursor = (of: string, list: Positions): string => String(new Cursor(of, list));
const decoded = (cursor: string, of = token) => {
  try {
    return decodeCursor(of, cursor, "?after");
  } catch (error) {
    expect(error).to.be.instanceOf(ProblemError).with.property("code", "validation-failed");
    return undefined;
  }
};
/** Returns positions in ascending order, like a cursor. */
const mapOf = (list: Positions) =>
  new Map(list.toSorted((a, b) => a.chat - b.chat).map(({ chat, position }) => [chat, position]));

describe("the cursor of a stream of many chats", () => {
  it("holds the position of each chat, in any order", () => {
    fc.assert(
      fc.property(positions, (list) => {
        expect([...decoded(encodeCursor(token, list))!]).to.deep.equal([...mapOf(list)]);
        expect(encodeCursor(token, list.toReversed())).to.equal(encodeCursor(token, list));
      }),
    );
  });

  it("moves one chat after the other", () => {
    fc.assert(
      fc.property(positions, fc.array(fc.tuple(fc.nat(), positions)), (list, moves) => {
        const cursor = new Cursor(token, list);
        const now = mapOf(list);
        for (const [at, [{ position }]] of moves as [number, Positions & [Positions[0]]][]) {
          const { chat } = list[at % list.length]!;
          cursor.set(chat, position);
          now.set(chat, position);
          expect([...decoded(String(cursor))!]).to.deep.equal([...now]);
        }
      }),
    );
  });

  it("costs a stream of 300 chats a few microseconds per event", () => {
    const list = Array.from({ length: 300 }, (_, at) => ({
      chat: 33_333 * (at + 1),
      position: { number: 2_000_000 + at, change: 16_000 + at, numbering: 40 },
    }));
    const cursor = new Cursor(token, list);
    const move = (number: number): string => {
      cursor.set(33_333 * (1 + (number % 300)), { number: 2_000_000 + number, change: 16_000, numbering: 40 });
      return String(cursor);
    };
    for (let number = 0; number < 1_000; number += 1) move(number);
    const began = process.threadCpuUsage();
    for (let number = 0; number < 1_000; number += 1) move(number);
    const { user, system } = process.threadCpuUsage(began);
    expect((user + system) / 1_000).to.be.below(40);
  });

  it("is refused if one character differs, or for another application", () => {
    fc.assert(
      fc.property(
        positions,
        fc.nat(),
        fc.constantFrom("A", "Q", "g", "w", "z", "0", "9", "-", "_"),
        (list, at, other) => {
          const cursor = encodeCursor(token, list);
          const index = at % cursor.length;
          const changed = `${cursor.slice(0, index)}${other}${cursor.slice(index + 1)}`;
          fc.pre(changed !== cursor);
          expect(decoded(changed)).to.equal(undefined);
          expect(decoded(cursor, "00000000-0000-4000-8000-000000000000")).to.equal(undefined);
          expect(decoded(cursor.slice(0, -1))).to.equal(undefined);
        },
      ),
    );
  });

  it("is never read from anything else", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.string({ minLength: 7_000 })), (text) => {
        expect(decoded(text)).to.equal(undefined);
      }),
    );
    for (const text of ["", "0", "41-3", "AQ", "AQAAAA"]) expect(decoded(text), text).to.equal(undefined);
  });

  it("is below 7 KiB for 300 chats among ten million, with two million messages each, in 2027", () => {
    const list = Array.from({ length: 300 }, (_, at) => ({
      chat: 33_333 * (at + 1),
      position: { number: 2_000_000 + at, change: 60_000_000_000_000 + at, numbering: 40_000_000 },
    }));
    expect(encodeCursor(token, list).length).to.be.below(7 * 1_024);
    const highest = Array.from({ length: 300 }, (_, at) => ({
      chat: maxNumber - 2_000_000 * at,
      position: { number: maxNumber, change: maxChangeNumber, numbering: maxNumber },
    }));
    const longest = encodeCursor(token, highest);
    expect(longest.length).to.be.below(8_500);
    expect([...decoded(longest)!]).to.deep.equal([...mapOf(highest)]);
  });
});
