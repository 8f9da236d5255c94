import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { inOneWorker } from "./one-worker.ts";

const intervalMs = 20;

describe("a run in one of all workers", () => {
  const start = (answers: (boolean | Error)[]) => {
    let [asked, runs] = [0, 0];
    const turn = inOneWorker({
      takeLease: () => {
        const answer = answers[Math.min(asked, answers.length - 1)]!;
        asked += 1;
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
      intervalMs,
      run: () => Promise.resolve((runs += 1)),
      random: () => 1,
    });
    return { turn, counts: () => ({ asked, runs }) };
  };

  it("is done in each interval by the worker that has the lease", async () => {
    const { turn, counts } = start([true]);
    for (let time = 0; time < 3; time += 1) await turn();
    expect(counts()).to.deep.equal({ asked: 3, runs: 3 });
  });

  it("makes the others ask again only after a pause", async () => {
    const { turn, counts } = start([false, true]);
    await turn();
    for (let time = 0; time < 3; time += 1) await turn();
    expect(counts()).to.deep.equal({ asked: 1, runs: 0 });
    await sleep(6 * intervalMs);
    await turn();
    expect(counts()).to.deep.equal({ asked: 2, runs: 1 });
  });

  it("is done by each worker while Redis does not answer", async () => {
    const { turn, counts } = start([new Error("no answer")]);
    await turn();
    expect(counts()).to.deep.equal({ asked: 1, runs: 1 });
  });
});
