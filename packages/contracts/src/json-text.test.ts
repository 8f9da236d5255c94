import { expect } from "chai";
import fc from "fast-check";
import { compactJson, encodeJson, JsonText, shapeOfJson, toJsonText } from "./json-text.ts";

describe("a JsonText", () => {
  const texts = ['{"a":1e400}', '{"a":-0,"a":1.0}', '{"__proto__":{"\\u0061":"\\/"}}', "{}", '{"$&":"$1 $$"}'];

  it("is written as it is, wherever it occurs in a value", () => {
    for (const text of texts) {
      const value = [{ before: "x", metadata: new JsonText(text), after: [new JsonText(text), null] }, "end"];
      expect(encodeJson(value)).to.equal(`[{"before":"x","metadata":${text},"after":[${text},null]},"end"]`);
    }
    expect(encodeJson(new JsonText("{}"))).to.equal("{}");
    expect(encodeJson({ a: [1, "\u2028", null] })).to.equal(JSON.stringify({ a: [1, "\u2028", null] }));
  });

  it("is never written by JSON.stringify alone, also not after an encoding that failed", () => {
    const text = new JsonText("{}");
    const failing = {
      toJSON: () => {
        throw new Error("fails");
      },
    };
    expect(() => encodeJson([text, failing])).to.throw("fails");
    expect(() => JSON.stringify(text)).to.throw("Only encodeJson");
    expect(encodeJson([text])).to.equal("[{}]");
  });

  it("loses only the white space between tokens", () => {
    expect(compactJson(' { "a b" :\t[ 1 , "\\" c",\r\n"\\\\" , {} ] } ')).to.equal('{"a b":[1,"\\" c","\\\\",{}]}');
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(1, "\t", "\n ", "\r\n".repeat(3)), (json, indent) => {
        const spaced = JSON.stringify(JSON.parse(json), null, indent);
        expect(compactJson(spaced)).to.equal(JSON.stringify(JSON.parse(json)));
      }),
    );
  });

  it("reports its levels and lone surrogates", () => {
    const faulty = ['{"a":"\\ud800"}', '{"\\udc00":1}', '{"a":"\\uD83D\\u0061"}', '{"a":"\\ud83d\\ud83d\\ude00"}'];
    for (const text of faulty) expect(shapeOfJson(text).isWellFormed, text).to.equal(false);
    const sound = ['{"a":"\\ud83d\\ude00"}', '{"a":"\\\\ud800"}', '{"a":"\\"\\u0061"}', '{"a":"😀"}'];
    for (const text of sound) expect(shapeOfJson(text).isWellFormed, text).to.equal(true);
    expect(shapeOfJson('{"a":[{"[{[{":1}],"b":"\\\\"}').levels).to.equal(3);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (key) => {
        const shape = shapeOfJson(toJsonText({ [key]: [key] }).text);
        expect(shape).to.deep.equal({ levels: 2, isWellFormed: key.isWellFormed() });
      }),
    );
  });
});
