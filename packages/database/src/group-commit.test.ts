import { expect } from "chai";
import { createGroups } from "./group-commit.ts";

describe("group commit", () => {
  it("runs the first request at once and those that come meanwhile together, in order and in bounded groups", async () => {
    const groups: string[][] = [];
    const submit = createGroups<string, string>(async (key, requests) => {
      groups.push([key, ...requests]);
      await new Promise((resolve) => setImmediate(resolve));
      return requests.map((request) => ({ value: request.toUpperCase() }));
    }, 2);
    const answers = await Promise.all([
      submit("a", "1x"),
      submit("a", "2x"),
      submit("b", "3x"),
      submit("a", "4x"),
      submit("a", "5x"),
    ]);
    expect(answers).to.deep.equal(["1X", "2X", "3X", "4X", "5X"]);
    expect(groups).to.deep.equal([
      ["a", "1x"],
      ["b", "3x"],
      ["a", "2x", "4x"],
      ["a", "5x"],
    ]);
  });

  it("fails one request alone, or all of a group, and goes on with the next", async () => {
    const submit = createGroups<number, number>((_key, requests) => {
      if (requests.includes(0)) throw new Error("whole group");
      return Promise.resolve(requests.map((n) => (n < 0 ? { error: new Error("alone") } : { value: n })));
    }, 10);
    const first = submit("k", 0);
    const rest = [submit("k", 1), submit("k", -1)];
    const outcomes = await Promise.allSettled([first, ...rest]);
    expect(outcomes.map((o) => (o.status === "fulfilled" ? o.value : (o.reason as Error).message))).to.deep.equal([
      "whole group",
      1,
      "alone",
    ]);
    expect(await submit("k", 7)).to.equal(7);
  });

  it("fails requests that the group left unsettled instead of leaving them hanging", async () => {
    const submit = createGroups<number, number>(() => Promise.resolve([]), 10);
    const [outcome] = await Promise.allSettled([submit("k", 1)]);
    expect(outcome).to.have.property("status", "rejected");
  });
});
