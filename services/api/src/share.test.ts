import { ProblemError } from "@confab/contracts";
import { expect } from "chai";
import { createShare } from "./share.ts";

describe("the share of lists and searches", () => {
  const token = "application";

  /** Work that runs until it is released. */
  function work() {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const held = { isRunning: false, end: resolve, run: () => ((held.isRunning = true), promise) };
    return held;
  }
  const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

  it("runs one of a user's at a time, whatever waits, and others of the application beside it", async () => {
    const share = createShare({ poolSize: 10, userShare: 0.25, searchMsPerSecond: undefined });
    const start = (user: string | undefined) => {
      const held = work();
      const done = share({ token, user }, held.run).catch((error: unknown) => error);
      return { held, done };
    };
    const ofMallory = Array.from({ length: 20 }, () => start("mallory"));
    const other = start("alice");
    await settle();
    expect(ofMallory.map(({ held }) => held.isRunning)).to.deep.equal([true, ...new Array<boolean>(19).fill(false)]);
    expect(other.held.isRunning).to.equal(true);

    const [backEnd, later] = [start(undefined), start("alice")];
    await settle();
    expect([backEnd.held.isRunning, later.held.isRunning]).to.deep.equal([false, false]);
    ofMallory[0]!.held.end(undefined);
    await settle();
    expect(backEnd.held.isRunning, "before the next one of mallory's").to.equal(true);
    for (const { held } of [...ofMallory, other, backEnd, later]) held.end(undefined);
    for (const { done } of [...ofMallory, other, backEnd, later]) expect(await done).to.equal(undefined);
  });

  it("says whose share is used up", async () => {
    const share = createShare({ poolSize: 10, userShare: 0.25, searchMsPerSecond: undefined });
    const held = Array.from({ length: 26 }, work);
    const running = held.map(({ run }) => share({ token, user: "mallory" }, run));
    const refused = await share({ token, user: "mallory" }, work().run).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(ProblemError).with.property("code", "rate-limited");
    expect((refused as ProblemError).detail)
      .to.include("The user")
      .and.include("USER_SHARE");
    for (const { end } of held) end(undefined);
    await Promise.all(running);
  });

  it("limits the time of an application's searches, and that of each user's, but not that of lists", async () => {
    const share = createShare({ poolSize: 10, userShare: 0.25, searchMsPerSecond: 10 });
    const take = (ms: number) => () => new Promise<number>((resolve) => setTimeout(resolve, ms, ms));
    const attempt = async (user: string | undefined, ms: number, kind: "list" | "search" = "search", of = token) =>
      share({ token: of, user }, take(ms), kind).catch((error: unknown) => (error as ProblemError).detail);
    // 100 ms at once; one user may take 25 of them.
    expect(await attempt("mallory", 35)).to.equal(35);
    expect(await attempt("mallory", 5)).to.include("of the user (USER_SHARE)");
    expect(await attempt("mallory", 5, "list")).to.equal(5);
    expect(await attempt("alice", 5)).to.equal(5);
    expect(await attempt(undefined, 90)).to.equal(90);
    expect(await attempt(undefined, 5)).to.include("of the application");
    expect(await attempt("alice", 5)).to.include("of the application");
    expect(await attempt(undefined, 5, "search", "another application")).to.equal(5);
  });
});
