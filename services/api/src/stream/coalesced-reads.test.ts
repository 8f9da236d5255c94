import { mock } from "node:test";
import type { ProblemError } from "@confab/contracts";
import type { Owner } from "@confab/http";
import { expect } from "chai";
import { createCoalescedReads, ReadUnwanted, type Reader } from "./coalesced-reads.ts";

const owner = (token: string, user?: string): Owner => ({ token, user });

/** Returns reads that end when the test ends them. */
function heldReads(options: { atOnce: number; userShare?: number }) {
  const reads = createCoalescedReads(options);
  const ends: (() => void)[] = [];
  const begun: string[] = [];
  const read = (what: string, reader: Reader, chatId = 1n): Promise<string> =>
    reads.read(
      { chatId, what, after: 0 },
      () => {
        begun.push(what);
        return new Promise((resolve) => {
          ends.push(() => {
            resolve(what);
          });
        });
      },
      reader,
    );
  /** Ends the oldest read and lets the next one begin. */
  const endOne = async (): Promise<void> => {
    ends.shift()!();
    await new Promise(setImmediate);
  };
  return { read, begun, endOne };
}

describe("shared reads", () => {
  it("leave a place to other applications, and take turns among them", async () => {
    const { read, begun, endOne } = heldReads({ atOnce: 3 });
    for (let at = 0; at < 50; at += 1) void read(`loud ${at}`, { owner: owner("loud") });
    void read("quiet 0", { owner: owner("quiet") }, 2n);
    expect(begun).to.deep.equal(["loud 0", "loud 1", "quiet 0"]);
    void read("quiet 1", { owner: owner("quiet") }, 2n);
    await endOne();
    await endOne();
    expect(begun.slice(3).sort()).to.deep.equal(["loud 2", "quiet 1"]);
  });

  it("let no user of an application wait for the reads of another user", async () => {
    const { read, begun, endOne } = heldReads({ atOnce: 5, userShare: 0.5 });
    for (let at = 0; at < 50; at += 1) void read(`loud ${at}`, { owner: owner("application", "loud") });
    void read("quiet", { owner: owner("application", "quiet") });
    expect(begun).to.deep.equal(["loud 0", "loud 1", "quiet"]);
    await endOne();
    expect(begun).to.include("loud 2");
  });

  it("begin in the turn of any of their readers", async () => {
    const { read, begun, endOne } = heldReads({ atOnce: 5, userShare: 0.25 });
    for (let at = 0; at < 20; at += 1) void read(`loud ${at}`, { owner: owner("application", "loud") });
    const both = [
      read("the last page", { owner: owner("application", "loud") }),
      read("the last page", { owner: owner("application", "quiet") }),
    ];
    await new Promise(setImmediate);
    expect(begun).to.deep.equal(["loud 0", "the last page"]);
    await endOne();
    await endOne();
    expect(await Promise.all(both)).to.deep.equal(["the last page", "the last page"]);
    for (let at = 0; at < 19; at += 1) await endOne();
    expect(begun.filter((what) => what === "the last page")).to.have.length(1);
  });

  it("are not made if nobody wants them any more", async () => {
    const { read, begun, endOne } = heldReads({ atOnce: 1 });
    const wanted = new Set(["left", "stayed"]);
    void read("first", { owner: owner("a") });
    const [left, stayed, shared] = [
      read("left", { owner: owner("a"), isWanted: () => wanted.has("left") }),
      read("stayed", { owner: owner("a"), isWanted: () => wanted.has("left") }),
      read("stayed", { owner: owner("a"), isWanted: () => wanted.has("stayed") }),
    ];
    wanted.delete("left");
    await endOne();
    expect(begun).to.deep.equal(["first", "stayed"]);
    await endOne();
    expect(await Promise.all([stayed, shared])).to.deep.equal(["stayed", "stayed"]);
    expect(await left.catch((error: unknown) => String(error))).to.include("Nobody wants");
  });

  it("do not fail for a reader who asks when a read that nobody wants is given up", async () => {
    const { read, begun, endOne } = heldReads({ atOnce: 1 });
    void read("first", { owner: owner("a") });
    let joined: Promise<string> | undefined;
    const left = read("page", {
      owner: owner("a"),
      isWanted: () => {
        queueMicrotask(() => {
          joined = read("page", { owner: owner("b") });
        });
        return false;
      },
    });
    await endOne();
    expect(await left.catch((error: unknown) => error)).to.be.instanceOf(ReadUnwanted);
    await new Promise(setImmediate);
    expect(begun).to.deep.equal(["first", "page"]);
    await endOne();
    expect(await joined).to.equal("page");
  });

  it("give the back end of an application a turn of its own, whatever the name of a user", async () => {
    const { read, begun } = heldReads({ atOnce: 5, userShare: 0.25 });
    for (let at = 0; at < 20; at += 1) void read(`loud ${at}`, { owner: owner("application", "undefined") });
    void read("the last page", { owner: owner("application", "undefined") });
    void read("the last page", { owner: owner("application") });
    expect(begun).to.deep.equal(["loud 0", "the last page"]);
    await new Promise(setImmediate);
  });

  it("are refused if no reader gets a turn in time", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const { read, begun } = heldReads({ atOnce: 1 });
      void read("first", { owner: owner("a") });
      const refused = ["a", "b"].map((token) => read("page", { owner: owner(token) }));
      mock.timers.tick(30_000);
      for (const { status, reason } of (await Promise.allSettled(refused)) as PromiseRejectedResult[])
        expect([status, (reason as ProblemError).code]).to.deep.equal(["rejected", "service-unavailable"]);
      expect(begun).to.deep.equal(["first"]);
    } finally {
      mock.timers.reset();
    }
  });
});
