import { expect } from "chai";
import { setTimeout as pause } from "node:timers/promises";
import { ProblemError } from "@confab/contracts";
import { createByteBudget } from "../src/byte-budget.ts";
import type { ByteBudget, Lease } from "../src/byte-budget.ts";

/** The code of the problem that a call throws. */
function refusal(call: () => void): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

describe("a byte budget", () => {
  let budget: ByteBudget;
  beforeEach(() => {
    budget = createByteBudget({ bytes: 1_000, smallBytes: 100, timeoutMs: 20 });
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

  it("refuses bytes that do not fit, and accepts them after others are released", () => {
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

  it("evicts large bodies that arrive slowly, the oldest first, but not complete ones", async () => {
    const complete = read(300);
    complete.complete();
    const [slow, slower] = [read(150), read(200)];
    expect(
      refusal(() => read(120)),
      "they get some time first",
    ).to.equal("busy");
    await pause(30);
    const next = read(200);
    expect([complete.evicted, slow.evicted, slower.evicted, next.evicted]).to.deep.equal([[], ["busy"], [], []]);
    expect(budget.used()).to.equal(700);
  });

  it("gives a user at most the share of a user, but one request whatever it needs, and others the rest", () => {
    const shared = createByteBudget({ bytes: 1_000, smallBytes: 100, timeoutMs: 20, userShare: 0.5 });
    const send = (user: string | undefined, bytes: number): Lease => {
      const lease = shared.open(user);
      shared.take(lease, bytes);
      try {
        shared.assign(lease, { application_token: "A" }, bytes);
      } catch (error) {
        shared.release(lease);
        throw error;
      }
      return lease;
    };
    const first = send("mallory", 300);
    expect(() => send("mallory", 120)).to.throw(ProblemError, "this user");
    send("alice", 120);
    shared.release(first);
    const second = send("mallory", 120);
    send(undefined, 120);
    shared.release(second);
    send("mallory", 110);
  });

  it("gives an application at most half, and others the rest", () => {
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
