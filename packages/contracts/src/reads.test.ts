import { expect } from "chai";
import { readerSchema } from "./reads.ts";

describe("a reader", () => {
  const faults = (reader: unknown) => readerSchema.safeParse(reader).error?.issues.map(({ message }) => message);

  it("may be whatever a sender may be", () => {
    for (const reader of ["a", " a", "a ", "a/b", "...", ".a", "é\u0000", "👩".repeat(256)]) {
      expect(readerSchema.parse(reader)).to.equal(reader);
    }
    expect(faults("")).to.deep.equal(["must not be empty"]);
    expect(faults("👩".repeat(257))).to.deep.equal(["must have at most 256 characters"]);
    expect(faults("\ud800")).to.deep.equal(["must be well-formed Unicode, without lone surrogates"]);
    expect(faults(7)).to.deep.equal(["must be a string"]);
  });

  it("is not a segment that clients remove from paths", () => {
    for (const reader of [".", ".."]) expect(faults(reader)).to.have.lengthOf(1);
  });
});
