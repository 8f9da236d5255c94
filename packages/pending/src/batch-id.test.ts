import { expect } from "chai";
import { batchIdOf, createBatchId, messageUid, timeOf } from "./batch-id.ts";

describe("batch ids", () => {
  it("are found again from the id of any message of the batch, with the time", () => {
    const now = Date.parse("2026-11-25T21:00:00.123Z");
    const batchId = createBatchId(now);
    for (const place of [0, 1, 255, 256, 65_535]) {
      const uid = messageUid(batchId, place);
      expect(batchIdOf(uid).equals(batchId), String(place)).to.equal(true);
      expect(timeOf(uid).getTime()).to.equal(now);
    }
  });

  it("are all different, also those of the same millisecond", () => {
    const ids = Array.from({ length: 2_000 }, () => createBatchId(1).toString("hex"));
    expect(new Set(ids).size).to.equal(ids.length);
  });
});
