import { expect } from "chai";
import fc from "fast-check";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { InvalidCursor } from "./errors.ts";

describe("a cursor", () => {
  it("comes back as the number it was made of, and is safe in a URL", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (number) => {
        expect(encodeCursor(number)).to.match(/^[\w-]+$/);
        expect(decodeCursor(encodeCursor(number))).to.equal(number);
      }),
    );
  });

  it("is refused when it is anything else", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => decodeCursor(text)).to.throw(InvalidCursor);
      }),
    );
    for (const inside of [
      "before:0",
      "before:01",
      "before:-1",
      "before:1.5",
      "before:1e3",
      "before:9999999999999999",
      "before:5 ",
    ]) {
      expect(() => decodeCursor(Buffer.from(inside).toString("base64url")), inside).to.throw(InvalidCursor);
    }
    expect(() => decodeCursor(`${encodeCursor(5)}=`)).to.throw(InvalidCursor);
  });
});
