import { expect } from "chai";
import { createSnapshot } from "./index.ts";

describe("createSnapshot", () => {
  const start = () => {
    let time = 0;
    let answer: () => Promise<string> = () => Promise.resolve("first");
    const snapshot = createSnapshot(
      () => answer(),
      1_000,
      () => time,
    );
    return {
      snapshot,
      wait: (ms: number) => (time += ms),
      fail: () => (answer = () => Promise.reject(new Error("no answer"))),
    };
  };

  it("has no values before the first read", () => {
    expect(start().snapshot.current()).to.equal(undefined);
  });

  it("keeps its values through failed reads, until they are older than three intervals", async () => {
    const { snapshot, wait, fail } = start();
    await snapshot.refresh();
    fail();
    wait(3_000);
    await snapshot.refresh().catch(() => undefined);
    expect(snapshot.current()).to.equal("first");
    wait(1);
    expect(snapshot.current()).to.equal(undefined);
    expect(snapshot.ageSeconds()).to.equal(3.001);
  });
});
