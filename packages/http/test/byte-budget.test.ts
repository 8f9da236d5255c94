import { expect } from "chai";
import { setTimeout as pause } from "node:timers/promises";
import { ProblemError } from "@confab/contracts";
import { createByteBudget, type ByteBudget, type Lease } from "../src/byte-budget.ts";
import type { Sender } from "../src/sender.ts";

/** Returns the code of the problem that a call throws. */
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
  const piece = 704;
  const sender = (owner: string, user?: string): Sender => ({ owner, isApplication: owner.length === 1, user });
  /** Reads a piece of a body so that `bytes` is its total cost, including the overhead of the piece. */
  function read(bytes: number, from?: Sender) {
    const evicted: string[] = [];
    const lease: Lease = budget.open(from);
    lease.evict = ({ code }) => evicted.push(code);
    const more = (next: number): void => {
      try {
        budget.takePiece(lease, next - piece);
      } catch (error) {
        budget.release(lease);
        throw error;
      }
    };
    more(bytes);
    return {
      more,
      evicted,
      complete: () => {
        budget.complete(lease);
      },
      release: () => {
        budget.release(lease);
      },
      assign: (token: string, of: number) => {
        budget.assign(lease, token, of);
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

  it("evicts small bodies that arrive slowly, too", async () => {
    const slow = Array.from({ length: 9 }, () => read(100));
    const complete = read(100);
    complete.complete();
    expect(refusal(() => read(50))).to.equal("busy");
    await pause(30);
    read(50);
    expect([slow[0]!.evicted, slow[1]!.evicted, complete.evicted]).to.deep.equal([["busy"], [], []]);
    expect(budget.used()).to.equal(950);
  });

  it("refuses the further pieces of a slow body, rather than to drop younger ones for it", async () => {
    const slow = read(100);
    await pause(30);
    const others = Array.from({ length: 9 }, () => read(100));
    expect(
      refusal(() => {
        slow.more(50);
      }),
    ).to.equal("busy");
    for (const { evicted } of others) expect(evicted).to.deep.equal([]);
    expect(budget.used()).to.equal(900);
  });

  it("counts what each piece costs besides its bytes", () => {
    const lease = budget.open();
    budget.takePiece(lease, 1);
    expect(budget.used()).to.equal(1 + piece);
  });

  it("gives a user at most the share of a user, but one request whatever it needs, and others the rest", () => {
    budget = createByteBudget({ bytes: 1_000, smallBytes: 100, timeoutMs: 20, userShare: 0.5 });
    const [mallory, alice] = [sender("A", "mallory"), sender("A", "alice")];
    const first = read(300, mallory);
    expect(() => read(20, mallory)).to.throw(ProblemError, "this user");
    read(120, alice).complete();
    first.release();
    const second = read(90, mallory);
    second.complete();
    const third = read(90, mallory);
    third.complete();
    read(100, sender("A")).complete();
    expect(() => read(90, mallory)).to.throw(ProblemError, "this user");
    second.release();
    read(90, mallory);
  });

  it("gives an application at most half, and others the rest", () => {
    const first = read(300, sender("A"));
    const second = read(200, sender("A", "alice"));
    expect(() => read(10, sender("A"))).to.throw(ProblemError, "this application");
    expect(() => read(10, sender("A", "bob"))).to.throw(ProblemError, "this application");
    read(90, sender("B"));
    first.complete();
    second.release();
    read(10, sender("A"));
  });

  it("gives a client without a key at most half, whatever application it names", () => {
    for (let requests = 0; requests < 5; requests += 1) read(100, sender("192.0.2.1"));
    expect(() => read(10, sender("192.0.2.1"))).to.throw(ProblemError, "this client");
    read(10, sender("192.0.2.2"));
  });

  it("drops a sender's own slow bodies to keep it within its share", async () => {
    const other = read(100, sender("B"));
    const [first] = Array.from({ length: 5 }, () => read(100, sender("A")));
    await pause(30);
    read(100, sender("A"));
    expect([first!.evicted, other.evicted]).to.deep.equal([["busy"], []]);
  });

  it("counts many values of a small body for its sender", () => {
    const lease = budget.open(sender("A"));
    budget.take(lease, 50);
    budget.charge(lease, 7);
    expect(() => read(10, sender("A"))).to.throw(ProblemError, "this application");
  });

  it("counts the messages of a sender that has no application for each application, which gets half", () => {
    const first = read(400, sender("admin key"));
    first.assign("A", 250);
    first.assign("A", 150);
    const refusalOf = (token: string): string | undefined =>
      refusal(() => {
        read(101).assign(token, 101);
      });
    expect(refusalOf("A")).to.equal("rate-limited");
    expect(refusalOf("B")).to.equal(undefined);
    first.release();
    expect(refusalOf("A")).to.equal(undefined);
  });

  it("counts messages for no other application than the sender's own", () => {
    read(450, sender("A")).assign("B", 450);
    read(300, sender("B"));
  });
});
