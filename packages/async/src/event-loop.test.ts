import { expect } from "chai";
import { setImmediate as nextTurn } from "node:timers/promises";
import { giveWay, hasTime, hurry } from "./event-loop.ts";

function work(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe("giveWay", () => {
  beforeEach(() => nextTurn());

  it("lets short work continue without a pause", () => {
    expect(giveWay()).to.equal(undefined);
    expect(hasTime()).to.equal(true);
  });

  it("divides long work of several among the turns of the event loop, in the order in which they asked", async () => {
    let turns = 0;
    let done = false;
    const count = (): void => {
      turns += 1;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    const steps: string[] = [];
    const longWork = async (name: string): Promise<void> => {
      for (let step = 0; step < 4; step += 1) {
        work(6);
        steps.push(name);
        await giveWay();
      }
    };
    await Promise.all([longWork("a"), longWork("b")]);
    done = true;
    expect(steps.join("")).to.equal("abababab");
    expect(turns).to.be.at.least(5);
  });

  it("lets owners take turns, however much one of them has to do", async () => {
    hasTime();
    work(6);
    const order: string[] = [];
    const piece = async (owner: string): Promise<void> => {
      await giveWay(owner);
      order.push(owner);
    };
    await Promise.all([...Array.from({ length: 1_000 }, () => piece("a")), piece("b"), piece("c")]);
    expect(order.slice(0, 5).join("")).to.equal("abcaa");
    expect(order).to.have.length(1_002);
  });

  it("waits for later turns while connections come, but not for long", async () => {
    for (const [connections, turns] of [
      [0, 0],
      [1, 1],
      [10, 3],
    ] as const) {
      hasTime();
      work(6);
      let waited = -1;
      let next: NodeJS.Immediate | undefined;
      const passTurn = (): void => {
        waited += 1;
        if (waited < connections) hurry();
        next = setImmediate(passTurn);
      };
      passTurn();
      await giveWay();
      clearImmediate(next);
      expect(waited, `${connections} connections`).to.equal(turns);
    }
  });

  it("gives the next turn its own time", async () => {
    hasTime();
    work(6);
    expect(hasTime()).to.equal(false);
    await giveWay();
    expect(hasTime()).to.equal(true);
  });
});
