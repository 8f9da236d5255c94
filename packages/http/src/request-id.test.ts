import { expect } from "chai";
import { createRequestId } from "./request-id.ts";

describe("new request ids", () => {
  it("are letters and digits, and all different", () => {
    const ids = Array.from({ length: 20_000 }, createRequestId);
    for (const id of ids) expect(id).to.match(/^[A-Za-z0-9]{12}$/);
    expect(new Set(ids).size).to.equal(ids.length);
  });
});
