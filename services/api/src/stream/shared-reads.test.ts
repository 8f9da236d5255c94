import type { Owner } from "@confab/http";
import { expect } from "chai";
import { createSharedReads, type Reader } from "./shared-reads.ts";

type InTurn = (read: () => Promise<string>) => Promise<string>;
const owner = (token: string, user?: string): Owner => ({ token, user });

/** Reads that end when the test says so. */
function heldReads(options: { atOnce: number; userShare?: number }) {
  const reads = createSharedReads(options);
  const ends: (() => void)[] = [];
  const begun: string[] = [];
  const read = (what: string, reader: Reader & { before?: InTurn }, chatId = 1n): Promise<string> =>
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
      reader.before,
    );
  /** Ends the oldest read, and lets the next one begin. */
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

  it("fail if no reader gets a turn", async () => {
    const { read, begun } = heldReads({ atOnce: 1 });
    const refuse = () => Promise.reject(new Error("refused"));
    const refused = read("page", { owner: owner("a"), before: refuse });
    expect(await refused.catch((error: unknown) => String(error))).to.include("refused");
    const half = [
      read("page", { owner: owner("a"), before: refuse }),
      read("page", { owner: owner("b"), before: (work) => new Promise((resolve) => setImmediate(resolve)).then(work) }),
    ];
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(begun).to.deep.equal(["page"]);
    void Promise.allSettled(half);
  });
});
