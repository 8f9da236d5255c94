import { expect } from "chai";
import fc from "fast-check";
import { decodeCursor, encodeCursor } from "./cursor.ts";
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
