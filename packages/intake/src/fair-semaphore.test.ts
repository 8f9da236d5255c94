import { expect } from "chai";
import { IntakeBusy } from "./batcher.ts";
import { createFairSemaphore } from "./fair-semaphore.ts";

const roomy = { maxWaiting: 100, maxWaitingOfOne: 100 };
const never = (): boolean => false;

describe("a fair gate", () => {
  it("lets at most so many run at once, each owner's in their order, failures included", async () => {
    const gate = createFairSemaphore({ ...roomy, width: 2 });
    let [running, most] = [0, 0];
    const begun: number[] = [];
    const work = (index: number) => async (): Promise<number> => {
      begun.push(index);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      if (index === 3) throw new Error("three");
      return index;
    };
    const outcomes = await Promise.allSettled([0, 1, 2, 3, 4, 5].map((index) => gate.run("a", never, work(index))));
    expect(outcomes.map(({ status }) => status).join(" ")).to.equal(
      "fulfilled fulfilled fulfilled rejected fulfilled fulfilled",
    );
    expect(begun).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(most).to.equal(2);
  });

  it("gives the owners turns, and drops what is late without using one", async () => {
    const gate = createFairSemaphore({ ...roomy, width: 1 });
    const begun: string[] = [];
    const run = (owner: string, name: string, isLate = never): Promise<void> =>
      gate.run(owner, isLate, async () => {
        begun.push(name);
        await new Promise((resolve) => setImmediate(resolve));
      });
    const late = run("a", "a0");
    const loud = ["a1", "a2", "a3", "a4"].map((name) => run("a", name));
    void run("b", "late", () => true);
    const quiet = [run("b", "b1"), run("c", "c1"), run("b", "b2")];
    await Promise.all([late, ...loud, ...quiet]);
    expect(begun).to.deep.equal(["a0", "a1", "c1", "a2", "b1", "a3", "b2", "a4"]);
  });

  it("refuses at once what is too much of one owner, or of all", async () => {
    const gate = createFairSemaphore({ width: 1, maxWaiting: 3, maxWaitingOfOne: 2 });
    const { promise, resolve } = Promise.withResolvers<string>();
    const run = (owner: string): Promise<string> => gate.run(owner, never, () => promise);
    const taken = ["a", "a", "a", "b"].map(run);
    for (const owner of ["a", "c"]) {
      expect(await run(owner).catch((error: unknown) => error), owner).to.be.instanceOf(IntakeBusy);
    }
    resolve("done");
    expect(await Promise.all(taken)).to.have.length(4);
    expect(await run("c")).to.equal("done");
  });
});
