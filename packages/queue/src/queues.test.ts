import { partitionPrefix } from "@confab/redis";
import { expect } from "chai";
import { queues, waitListKey } from "./queues.ts";

describe("the queues", () => {
  it("keep all keys of a partition in one hash tag", () => {
    expect(partitionPrefix("confab", 3)).to.equal("confab:{p3}");
    expect(waitListKey("confab", 3, "messages")).to.equal("confab:{p3}:messages:wait");
    expect(waitListKey("other", 0, "search")).to.equal("other:{p0}:search:wait");
  });

  it("refuse a job without a batch", () => {
    expect(queues.messages.schema.safeParse({}).success).to.equal(false);
    expect(queues.messages.schema.safeParse({ batches: ["b"] }).success).to.equal(true);
  });
});
