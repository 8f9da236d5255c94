import { ProblemError } from "@confab/contracts";
import { expect } from "chai";
import { createFairShares } from "./fair-shares.ts";

describe("the share of lists, searches and changes", () => {
  const token = "application";

  /** Returns work that runs until the test releases it. */
  function work() {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const held = { isRunning: false, end: resolve, run: () => ((held.isRunning = true), promise) };
    return held;
  }
  const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

  it("runs one of a user's at a time, whatever waits, and others of the application beside it", async () => {
    const share = createFairShares({ poolSize: 10, userShare: 0.25, searchMsPerSecond: undefined });
    const start = (user: string | undefined) => {
      const held = work();
      const done = share({ token, user }, held.run, "list").catch((error: unknown) => error);
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

  it("runs changes that lock the same one after another, in one place of the application", async () => {
    const share = createFairShares({ poolSize: 10, userShare: 0.25, searchMsPerSecond: undefined });
    const start = (locks: string | undefined, user?: string) => {
      const held = work();
      const done = share({ token, user }, held.run, { locks }).catch((error: unknown) => error);
      return { held, done };
    };
    const hot = Array.from({ length: 101 }, () => start("a chat"));
    const other = start("another chat");
    await settle();
    expect(hot.filter(({ held }) => held.isRunning)).to.have.length(1);
    expect(other.held.isRunning).to.equal(true);
    const refused = (await start("a chat").done) as ProblemError;
    expect(refused).to.be.instanceOf(ProblemError).with.property("code", "rate-limited");
    expect(refused.detail).to.include("wait for each other");

    other.held.end(undefined);
    // The changes in the chat take only one of the application's two places, so the list gets the other one.
    const list = work();
    const read = share({ token, user: undefined }, list.run, "list");
    await settle();
    expect(list.isRunning).to.equal(true);
    list.end(undefined);
    await read;
    hot[0]!.held.end(undefined);
    await settle();
    expect(hot.map(({ held }) => held.isRunning).slice(0, 3)).to.deep.equal([true, true, false]);
    for (const { held } of hot) held.end(undefined);
    for (const { done } of hot) expect(await done).to.equal(undefined);
  });

  it("lets one user have one change among those that wait for each other, so that others are next", async () => {
    const share = createFairShares({ poolSize: 10, userShare: 0.25, searchMsPerSecond: undefined });
    const begun: string[] = [];
    const change = (user: string) =>
      share({ token, user }, () => Promise.resolve(begun.push(user)), { locks: "a chat" });
    await Promise.all([...Array.from({ length: 20 }, () => change("mallory")), change("alice")]);
    expect(begun.indexOf("alice")).to.be.below(3);
  });

  it("lets a change wait two seconds for everything together", async () => {
    const share = createFairShares({ poolSize: 10, userShare: 0.25, searchMsPerSecond: undefined });
    const [turn, other] = [work(), work()];
    const first = share({ token, user: undefined }, turn.run, { locks: "a chat" });
    const began = performance.now();
    const late = share({ token, user: "mallory" }, work().run, { locks: "a chat" }).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const lists = [other, other].map(({ run }) => share({ token, user: undefined }, run, "list"));
    turn.end(undefined);
    expect(await late)
      .to.be.instanceOf(ProblemError)
      .with.property("code", "rate-limited");
    expect(performance.now() - began).to.be.below(2_800);
    other.end(undefined);
    await Promise.all([first, ...lists]);
  });

  it("lets the parts of a change wait two seconds together", async () => {
    const share = createFairShares({ poolSize: 10, userShare: 0.25, searchMsPerSecond: undefined });
    const waitBudget = {};
    const held = work();
    const part = () => share({ token, user: undefined }, () => Promise.resolve(), { locks: "a chat" }, waitBudget);
    const first = share({ token, user: undefined }, held.run, { locks: "a chat" });
    const waiting = part();
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    held.end(undefined);
    await Promise.all([first, waiting]);
    const again = work();
    const running = share({ token, user: undefined }, again.run, { locks: "a chat" });
    const began = performance.now();
    expect(await part().catch((error: unknown) => error)).to.be.instanceOf(ProblemError);
    expect(performance.now() - began).to.be.below(1_200);
    again.end(undefined);
    await running;
  });

  it("says whose share is used up", async () => {
    const share = createFairShares({ poolSize: 10, userShare: 0.25, searchMsPerSecond: undefined });
    const held = Array.from({ length: 26 }, work);
    const running = held.map(({ run }) => share({ token, user: "mallory" }, run, "list"));
    const refused = await share({ token, user: "mallory" }, work().run, "list").catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(ProblemError).with.property("code", "rate-limited");
    expect((refused as ProblemError).detail)
      .to.include("The user")
      .and.include("USER_SHARE");
    for (const { end } of held) end(undefined);
    await Promise.all(running);
  });

  it("limits the time of an application's searches, and that of each user's, but not that of lists", async () => {
    const share = createFairShares({ poolSize: 10, userShare: 0.25, searchMsPerSecond: 10 });
    const take = (ms: number) => () => new Promise<number>((resolve) => setTimeout(resolve, ms, ms));
    const attempt = async (user: string | undefined, ms: number, kind: "list" | "search" = "search", of = token) =>
      share({ token: of, user }, take(ms), kind).catch((error: unknown) => (error as ProblemError).detail);
    // The application may use 100 ms at once, and one user may use 25 of these 100 ms.
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
