import { expect } from "chai";
import { setImmediate as turn } from "node:timers/promises";
import { createCoalescer } from "./coalescer.ts";

describe("createCoalescer", () => {
  it("runs items in their order, two runs at a time, of which each leaves to the next one what does not fit", async () => {
    const taken: string[][] = [];
    let most = 0;
    let running = 0;
    const coalescer = createCoalescer({
      maxItems: 100,
      maxInFlight: 2,
      run: async (items, leave) => {
        await turn();
        taken.push(items.slice(0, 3));
        leave(items.slice(3));
        most = Math.max(most, ++running);
        for (let count = 0; count < 5; count++) await turn();
        running -= 1;
      },
    });
    await Promise.all(["a", "b", "c", "d", "e", "f", "g"].map((item) => coalescer.submit(item)));
    expect(taken).to.deep.equal([["a", "b", "c"], ["d", "e", "f"], ["g"]]);
    expect(most).to.equal(2);
  });

  it("begins no other run while one has not chosen, unless it fails", async () => {
    const began: (readonly string[])[] = [];
    let fail: (error: Error) => void = () => undefined;
    const coalescer = createCoalescer({
      maxItems: 1,
      maxInFlight: 2,
      run: async (items, leave) => {
        began.push(items);
        if (began.length === 1) await new Promise((_, reject) => (fail = reject));
        leave([]);
      },
    });
    const first = coalescer.submit("a").catch((error: unknown) => (error as Error).message);
    const second = coalescer.submit("b");
    for (let count = 0; count < 5; count++) await turn();
    expect(began).to.deep.equal([["a"]]);
    fail(new Error("no answer"));
    expect(await first).to.equal("no answer");
    await second;
    expect(began).to.deep.equal([["a"], ["b"]]);
  });
});
