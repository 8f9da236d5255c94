import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import { createFairShare } from "./fair-share.ts";

describe("a fair share", () => {
  const refuse = (isOwn: boolean): Error => new Error(isOwn ? "own" : "others");
  const outcomes = async (work: Promise<unknown>[]): Promise<unknown[]> =>
    (await Promise.allSettled(work)).map((one) =>
      one.status === "fulfilled" ? one.value : (one.reason as Error).message,
    );

  it("lets no key have more than its share, and all together no more than there is", async () => {
    const share = createFairShare({ total: 3, perKey: 2, waitingPerKey: 100, waitMs: 10_000, refuse });
    const running = new Map<string, number>();
    let most = 0;
    const work = (name: string) =>
      share(name, async () => {
        running.set(name, (running.get(name) ?? 0) + 1);
        const all = [...running.values()];
        most = Math.max(
          most,
          all.reduce((sum, one) => sum + one, 0),
        );
        expect(Math.max(...all)).to.be.at.most(2);
        await sleep(1);
        running.set(name, (running.get(name) ?? 0) - 1);
      });
    await Promise.all(Array.from({ length: 60 }, (_, index) => work(["a", "b", "c"][index % 3] ?? "a")));
    expect(most).to.equal(3);
  });

  it("lets a key with little to do pass one with much", async () => {
    const share = createFairShare({ total: 2, perKey: 1, waitingPerKey: 100, waitMs: 10_000, refuse });
    const done: string[] = [];
    const work = (name: string) => share(name, () => sleep(2)).then(() => done.push(name));
    await Promise.all([...Array.from({ length: 20 }, () => work("loud")), ...["x", "y", "z"].map(work)]);
    for (const name of ["x", "y", "z"]) expect(done.indexOf(name), name).to.be.below(10);
  });

  it("refuses who would wait behind too many or for too long, and says whose fault it is", async () => {
    const share = createFairShare({ total: 2, perKey: 1, waitingPerKey: 1, waitMs: 20, refuse });
    const slow = () => share("a", () => sleep(60));
    expect(await outcomes([slow(), slow(), slow()])).to.deep.equal([undefined, "own", "own"]);
    const all = [share("a", () => sleep(60)), share("b", () => sleep(60)), share("c", () => sleep(60))];
    expect(await outcomes(all)).to.deep.equal([undefined, undefined, "others"]);
    expect(await share("c", () => Promise.resolve("again"))).to.equal("again");
  });

  it("refuses earlier what may wait less long", async () => {
    const share = createFairShare({ total: 1, perKey: 1, waitingPerKey: 9, waitMs: 10_000, refuse });
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const held = share("a", () => promise);
    const began = performance.now();
    expect(
      await outcomes([share("a", () => Promise.resolve(), 1), share("b", () => Promise.resolve(), 1)]),
    ).to.deep.equal(["own", "others"]);
    expect(performance.now() - began).to.be.below(5_000);
    resolve(undefined);
    await held;
  });

  it("remembers no key of which nothing runs or waits", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const share = createFairShare({ total: 1, perKey: 1, waiting: 0, waitingPerKey: 9, waitMs: 10_000, refuse });
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const held = share("a", () => promise);
    const heap = () => (collect(), process.memoryUsage().heapUsed / 1024 ** 2);
    const before = heap();
    for (let nth = 0; nth < 100_000; nth += 1) await share(`key ${nth}`, () => promise).catch(() => undefined);
    expect(heap() - before, "MiB for 100,000 refused keys").to.be.below(5);
    resolve(undefined);
    await held;
  });

  it("refuses at once what would wait behind too many of all keys", async () => {
    const share = createFairShare({ total: 1, perKey: 1, waiting: 2, waitingPerKey: 2, waitMs: 10_000, refuse });
    const slow = (name: string) => share(name, () => sleep(20));
    expect(await outcomes([slow("a"), slow("a"), slow("b"), slow("c")])).to.deep.equal([
      undefined,
      undefined,
      undefined,
      "others",
    ]);
    expect(await share("c", () => Promise.resolve("again"))).to.equal("again");
  });

  it("starts the work of a key in order, and gives waiting keys turns", async () => {
    const share = createFairShare({ total: 1, perKey: 1, waitingPerKey: 9, waitMs: 10_000, refuse });
    const begun: string[] = [];
    const run = (name: string) =>
      share(name[0]!, () => {
        begun.push(name);
        return sleep(1);
      });
    await Promise.all(["a0", "a1", "a2", "a3", "b1", "c1", "b2"].map(run));
    expect(begun.filter((name) => name.startsWith("a"))).to.deep.equal(["a0", "a1", "a2", "a3"]);
    expect(begun.indexOf("b1")).to.be.below(begun.indexOf("a3"));
    expect(begun.indexOf("c1")).to.be.below(begun.indexOf("a3"));
  });

  it("continues after work that fails", async () => {
    const share = createFairShare({ total: 1, perKey: 1, waitingPerKey: 5, waitMs: 1_000, refuse });
    const fails = share("a", () => Promise.reject(new Error("failed")));
    expect(
      await outcomes([fails, share("a", () => Promise.resolve(1)), share("b", () => Promise.resolve(2))]),
    ).to.deep.equal(["failed", 1, 2]);
  });
});
