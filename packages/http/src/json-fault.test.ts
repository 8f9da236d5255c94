import { expect } from "chai";
import fc from "fast-check";
import { findJsonFault } from "./json-fault.ts";

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("findJsonFault", () => {
  it("names the offset at which a text stops being JSON", () => {
    const cases: [text: string, offset: number][] = [
      ["", 0],
      ["{", 1],
      ["[1,]", 3],
      ['{"a":1,}', 7],
      ['{"a" 1}', 5],
      ["{'a':1}", 1],
      ['{"a": x}', 6],
      ['["\u0001"]', 2],
      ['["\\x"]', 2],
      ["01", 1],
      ["1.", 1],
      ["{} {}", 3],
      ['"abc', 4],
      ["]", 0],
      ["\ufeff{}", 0],
    ];
    for (const [text, offset] of cases) expect(findJsonFault(text), JSON.stringify(text)).to.equal(offset);
  });

  it("accepts every JSON text", () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: "binary" }), fc.nat(3), (text, indent) => {
        expect(findJsonFault(JSON.stringify(JSON.parse(text), null, indent))).to.equal(-1);
      }),
    );
  });

  it("agrees with JSON.parse on what is JSON when a text is cut or a character of it is replaced", () => {
    const character = fc.constantFrom(...Array.from('{}[]",:\\0-.e1tfn \n\u0000\u007fxé'));
    fc.assert(
      fc.property(fc.json(), fc.nat(), character, fc.boolean(), (json, place, replacement, cut) => {
        const at = place % (json.length + 1);
        const text = cut ? json.slice(0, at) : json.slice(0, at) + replacement + json.slice(at + 1);
        expect(findJsonFault(text) === -1).to.equal(parses(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it("reads deep nesting and long strings without recursion", () => {
    expect(findJsonFault("[".repeat(500_000))).to.equal(500_000);
    expect(findJsonFault(`["${"\\n".repeat(500_000)}"`)).to.equal(1_000_003);
  });
});
