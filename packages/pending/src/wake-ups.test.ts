import { expect } from "chai";
import { createWakeUps } from "./wake-ups.ts";

describe("createWakeUps", () => {
  it("wakes at once, and combines the batches that are accepted meanwhile", async () => {
    const woken: (readonly string[])[] = [];
    const answers: (() => void)[] = [];
    const wakeUps = createWakeUps({
      wake: (ids, traces) => {
        woken.push([...ids, ...traces]);
        return new Promise<void>((resolve) => answers.push(resolve));
      },
      maxBatches: 2,
    });
    wakeUps.add("a", "trace of a");
    expect(woken).to.deep.equal([["a", "trace of a"]]);
    for (const id of ["b", "c", "d"]) wakeUps.add(id, undefined);
    expect(woken).to.have.length(1);
    let isSettled = false;
    const settled = wakeUps.settle().then(() => (isSettled = true));
    answers[0]!();
    await new Promise(setImmediate);
    expect(woken.slice(1)).to.deep.equal([["b", "c"], ["d"]]);
    expect(isSettled).to.equal(false);
    for (const answer of answers) answer();
    await settled;
  });

  it("combines batches that are accepted soon after a wake-up, and sends them at once when it stops", async () => {
    const woken: (readonly string[])[] = [];
    const wakeUps = createWakeUps({
      wake: (ids) => Promise.resolve(void woken.push(ids)),
      intervalMs: 60_000,
    });
    for (const id of ["a", "b", "c"]) {
      wakeUps.add(id, undefined);
      await new Promise(setImmediate);
    }
    expect(woken).to.deep.equal([["a"]]);
    await wakeUps.settle();
    expect(woken).to.deep.equal([["a"], ["b", "c"]]);
  });

  it("continues after a failure, and leaves what does not fit its memory to the sweep", async () => {
    const woken: (readonly string[])[] = [];
    const wakeUps = createWakeUps({
      wake: (ids) => {
        woken.push(ids);
        return Promise.reject(new Error("unavailable"));
      },
      maxWaiting: 2,
    });
    for (const id of ["a", "b", "c", "d"]) wakeUps.add(id, undefined);
    await wakeUps.settle();
    expect(woken).to.deep.equal([["a"], ["b", "c"]]);
  });
});
