import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { createGathered } from "./gathered.ts";

describe("gathered questions", () => {
  const gather = (load: (keys: string[]) => Promise<Map<string, string>>) =>
    createGathered({ load, nameOf: (key: string) => key, paceMs: 20, maxKeys: 3 });

  it("are answered by a load that begins after them: the first at once, those that follow together", async () => {
    const loads: string[][] = [];
    let version = 1;
    const ask = gather((keys) => {
      loads.push(keys);
      return Promise.resolve(new Map(keys.map((key) => [key, `${key}${version}`])));
    });
    const first = ask("a");
    expect(loads).to.deep.equal([["a"]]);
    version = 2;
    const later = ["a", "b", "a", "c", "d"].map(ask);
    expect(await first).to.equal("a1");
    expect(await Promise.all(later)).to.deep.equal(["a2", "b2", "a2", "c2", "d2"]);
    expect(loads.slice(1)).to.deep.equal([["a", "b", "c"], ["d"]]);
    await sleep(50);
    void ask("e");
    expect(loads.at(-1), "after a pause, at once").to.deep.equal(["e"]);
  });

  it("have no answer if there is no value, and fail together", async () => {
    const failure = new Error("the database is unavailable");
    const state = { isUnavailable: false };
    const ask = gather(() =>
      state.isUnavailable ? Promise.reject(failure) : Promise.resolve(new Map<string, string>()),
    );
    expect(await ask("a")).to.equal(undefined);
    state.isUnavailable = true;
    const outcomes = await Promise.allSettled([ask("a"), ask("b"), ask("a")]);
    expect(outcomes).to.deep.equal(["a", "b", "a"].map(() => ({ status: "rejected", reason: failure })));
  });
});
