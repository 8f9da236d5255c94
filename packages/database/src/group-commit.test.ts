import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { createGroups } from "./group-commit.ts";

describe("group commit", () => {
  it("runs the first request at once and later ones together, in order and in groups of limited size", async () => {
    const groups: string[][] = [];
    const submit = createGroups<string, string>(
      async (key, requests) => {
        groups.push([key, ...requests]);
        await new Promise((resolve) => setImmediate(resolve));
        return requests.map((request) => ({ value: request.toUpperCase() }));
      },
      { largest: 2 },
    );
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

  it("rejects a single request or a whole group, and then runs the next group", async () => {
    const submit = createGroups<number, number>(
      (_key, requests) => {
        if (requests.includes(0)) throw new Error("whole group");
        return Promise.resolve(requests.map((n) => (n < 0 ? { error: new Error("alone") } : { value: n })));
      },
      { largest: 10 },
    );
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

  it("rejects requests that the group did not settle", async () => {
    const submit = createGroups<number, number>(() => Promise.resolve([]), { largest: 10 });
    const [outcome] = await Promise.allSettled([submit("k", 1)]);
    expect(outcome).to.have.property("status", "rejected");
  });

  describe("when requests time out", () => {
    const late = { largest: 10, timeoutMs: 30 };
    const names = (outcomes: PromiseSettledResult<unknown>[]) =>
      outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : (outcome.reason as Error).name));

    it("does not run late requests, and runs the next group even if a group hangs", async () => {
      const ran: number[][] = [];
      const submit = createGroups<number, number>((_key, requests) => {
        ran.push([...requests]);
        return requests.some((n) => n < 3)
          ? new Promise(() => undefined)
          : Promise.resolve(requests.map((value) => ({ value })));
      }, late);
      const outcomes = await Promise.allSettled([submit("k", 0), submit("k", 1), submit("k", 2)]);
      expect(names(outcomes)).to.deep.equal(["WriteNotDone", "WriteNotDone", "WriteNotDone"]);
      expect(await submit("k", 3)).to.equal(3);
      expect(ran).to.deep.equal([[0], [1, 2], [3]]);
    });

    it("commits nothing for late requests, and runs the rest of their group again", async () => {
      const committed: number[][] = [];
      const slow = createGroups<number, number>(
        async (_key, requests, guardOf) => {
          await sleep(requests.includes(1) ? 40 : 1);
          guardOf(requests).beforeCommit();
          committed.push([...requests]);
          return requests.map((value) => ({ value }));
        },
        { largest: 10, timeoutMs: 60 },
      );
      const first = slow("k", 1);
      await sleep(1);
      // Waits 40 ms behind the first request, and times out 20 ms after its own start.
      const second = slow("k", 1);
      await sleep(30);
      const third = slow("k", 2);
      expect(names(await Promise.allSettled([first, second, third]))).to.deep.equal([1, "WriteNotDone", 2]);
      expect(committed).to.deep.equal([[1], [2]]);
    });

    it("reports an unknown outcome after the commit was sent, and none after it was refused", async () => {
      const submit = createGroups<string, string>(async (_key, requests, guardOf) => {
        const guard = guardOf(requests);
        guard.beforeCommit();
        if (requests.includes("refused")) guard.commitRefused();
        await sleep(60);
        return requests.map((value) => ({ value }));
      }, late);
      expect(names(await Promise.allSettled([submit("k", "silent")]))).to.deep.equal(["WriteOutcomeUnknown"]);
      expect(names(await Promise.allSettled([submit("k", "refused")]))).to.deep.equal(["WriteNotDone"]);
    });
  });
});
