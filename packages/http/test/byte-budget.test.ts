import { expect } from "chai";
import { setTimeout as pause } from "node:timers/promises";
import { createByteBudget } from "../src/byte-budget.ts";
import type { ByteBudget, Lease } from "../src/byte-budget.ts";

/** What a call throws, by its code. */
function refusal(call: () => void): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

describe("a budget of bytes", () => {
  let budget: ByteBudget;
  beforeEach(() => {
    budget = createByteBudget({ bytes: 1_000, smallBytes: 100, patienceMs: 20 });
  });
  function read(bytes: number) {
    const evicted: string[] = [];
    const lease: Lease = budget.open();
    lease.evict = ({ code }) => evicted.push(code);
    budget.take(lease, bytes);
    return {
      evicted,
      complete: () => {
        budget.complete(lease);
      },
      release: () => {
        budget.release(lease);
      },
      assign: (message: unknown, of: number) => {
        budget.assign(lease, message, of);
      },
    };
  }

  it("refuses what does not fit, and takes it when something was given back", () => {
    const first = read(700);
    first.complete();
    expect(refusal(() => read(200))).to.equal("busy");
    first.release();
    first.release();
    expect(budget.used()).to.equal(0);
    expect(refusal(() => read(200))).to.equal(undefined);
  });

  it("keeps its last quarter for small requests", () => {
    for (let requests = 0; requests < 7; requests += 1) read(101).complete();
    expect(refusal(() => read(101))).to.equal("busy");
    for (let requests = 0; requests < 2; requests += 1) expect(refusal(() => read(100))).to.equal(undefined);
    expect(refusal(() => read(100))).to.equal("busy");
  });

  it("lets large bodies that come slowly give way, the oldest first, and not those that are complete", async () => {
    const complete = read(300);
    complete.complete();
    const [slow, slower] = [read(150), read(200)];
    expect(
      refusal(() => read(120)),
      "they have some time",
    ).to.equal("busy");
    await pause(30);
    const next = read(200);
    expect([complete.evicted, slow.evicted, slower.evicted, next.evicted]).to.deep.equal([[], ["busy"], [], []]);
    expect(budget.used()).to.equal(700);
  });

  it("gives no application more than half, and others the rest", () => {
    const message = { application_token: "a" };
    const refusalOf = (sent: unknown): string | undefined =>
      refusal(() => {
        read(101).assign(sent, 101);
      });
    const first = read(400);
    first.assign(message, 250);
    first.assign(message, 150);
    expect(refusalOf(message)).to.equal("rate-limited");
    read(101).assign({ application_token: "b" }, 101);
    first.release();
    expect(refusalOf(message)).to.equal(undefined);
  });
});
