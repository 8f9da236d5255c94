import { expect } from "chai";
import { assertJsonKeys } from "./json-check.ts";

describe("the check of the JSON parser", () => {
  it("accepts this Node, and refuses a parser that takes a key for an earlier one", () => {
    expect(() => {
      assertJsonKeys();
    }).to.not.throw();
    const mixing = (text: string): unknown => JSON.parse(text.replace("\\u540d", "\\\\"));
    expect(() => {
      assertJsonKeys(mixing);
    }).to.throw("Use Node 24.22.3 or later");
  });
});
