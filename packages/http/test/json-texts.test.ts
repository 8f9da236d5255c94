import { encodeJson, jsonTextFields, JsonText, routes, type Route } from "@confab/contracts";
import { expect } from "chai";
import fc from "fast-check";
import type { z } from "zod";
import { parseJson } from "../src/body.ts";
import { readShape } from "../src/json-shape.ts";

const parse = (text: string): unknown => parseJson(Buffer.from(text));
const fieldOf = (text: string, name = "metadata"): unknown => (parse(text) as Record<string, unknown>)[name];

describe("JSON that is kept as text", () => {
  it("is an object under the name of a field, however it is written", () => {
    const text = String.raw`{"a":1e400,"a":-0,"__proto__":{"b":"A\/ "},"n":12345678901234567890,"x":1.0}`;
    const bodies = [
      `{"body":"x","metadata":${text}}`,
      `{"metadata" :\n ${text} , "body":"\\"metadata\\":{}"}`,
      `{"m\\u0065tadata":${text}}`,
      `{"metadata":{"first":1},"metadata":${text}}`,
      `{"metadata":null,"metadata":${text}}`,
      `{"other":{"metadata":{"b":1}},"metadata":${text}}`,
    ];
    for (const body of bodies) expect(fieldOf(body), body).to.deep.equal(new JsonText(text));
    expect(fieldOf(`{"data":{ "a" : "b c" }}`, "data")).to.deep.equal(new JsonText('{"a":"b c"}'));
  });

  it("is nothing else", () => {
    expect(fieldOf('{"metadata":{"a":1},"metadata":null}')).to.equal(null);
    expect(fieldOf('{"metadata":{"a":1},"metadata":[{}]}')).to.deep.equal([{}]);
    expect(fieldOf('{"metadata":"{}"}')).to.equal("{}");
    expect(fieldOf('{"other":{"metadata":{}}}', "other")).to.deep.equal({ metadata: {} });
    expect(parse('["metadata",{}]')).to.deep.equal(["metadata", {}]);
    expect(parse('{"body":"metadata","x":{}}')).to.deep.equal({ body: "metadata", x: {} });
  });

  it("is refused with the position of its error", () => {
    for (const text of [
      '{"a":{"metadata":{',
      '{"metadata":{"a":1]}',
      '{"metadata":{a}}',
      '["metadata":{}]',
      '{"metadata":{}',
    ]) {
      expect(() => parse(text), text)
        .to.throw()
        .with.property("code", "malformed-json");
    }
    expect(() => parse('{"metadata":{\n"a":01}}'))
      .to.throw()
      .with.property("detail", "Unexpected character in line 2, column 6.");
  });

  it("does not count among the values that stay in memory", () => {
    const { values } = readShape(Buffer.from(`{"a":1,"metadata":{"a":[{},{},{}],"b":1},"b":[1,2]}`));
    expect(values).to.equal(6);
    expect(() => readShape(Buffer.from(`{"metadata":{"a":[${"{},".repeat(10_000)}{}]}}`))).to.throw();
  });

  it("gives the values that JSON.parse gives", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom("metadata", "data", "a"), fc.jsonValue()),
        fc.nat(3),
        (object, indent) => {
          const text = JSON.stringify(object, null, indent);
          expect(JSON.parse(encodeJson(parse(text)))).to.deep.equal(JSON.parse(text));
        },
      ),
    );
  });

  it("is what the schemas of all routes expect in these fields, and in no other", () => {
    const schemas = Object.values<Route>(routes).flatMap(({ body }) => [body?.schema, body?.item]);
    const fields = schemas.flatMap((schema) => Object.entries<z.ZodType>(schema?.shape ?? {}));
    expect(fields.length).to.be.above(20);
    for (const [name, schema] of fields) {
      expect(schema.safeParse(new JsonText("{}")).success, name).to.equal(jsonTextFields.has(name));
    }
  });
});
