import { expect } from "chai";
import { setTimeout as pause } from "node:timers/promises";
import { createHeadLoader, ChatsUnavailable, type HeadLoaderOptions } from "./head-loader.ts";

const found = { id: 1n, lastNumber: 0, epoch: 0 };
const loaderOf = (options: Partial<HeadLoaderOptions>) =>
  createHeadLoader({ loadHead: () => Promise.resolve(found), deadlineMs: 1_000, ...options });
const refusalOf = (question: Promise<unknown>): Promise<unknown> => question.catch((error: unknown) => error);

describe("loading chat heads", () => {
  it("checks all tokens of a turn in one query, and remembers unknown ones for a while", async () => {
    const questions: string[][] = [];
    const loadHead = loaderOf({
      findApplications: (tokens) => {
        questions.push([...tokens]);
        return Promise.resolve(new Set(["mine"]));
      },
      loadHead: (_, chat) => Promise.resolve(chat === 1 ? found : undefined),
    });
    const answers = await Promise.all([
      loadHead("mine", 1),
      loadHead("mine", 2),
      loadHead("x", 1),
      loadHead("y", 1),
      loadHead("x", 2),
    ]);
    expect(answers).to.deep.equal([
      found,
      "unknown-chat",
      "unknown-application",
      "unknown-application",
      "unknown-application",
    ]);
    expect([await loadHead("x", 3), await loadHead("mine", 1)]).to.deep.equal(["unknown-application", found]);
    expect(questions).to.deep.equal([["mine", "x", "y"]]);
  });

  it("gives every load the same time, regardless of how many are waiting", async () => {
    let asked = 0;
    const loadHead = loaderOf({
      loadHead: () => {
        asked += 1;
        return new Promise(() => undefined);
      },
      width: 2,
      deadlineMs: 50,
    });
    const began = performance.now();
    const refusals = await Promise.all(Array.from({ length: 200 }, (_, chat) => refusalOf(loadHead("a", chat))));
    expect(performance.now() - began).to.be.within(45, 5_000);
    for (const refusal of refusals) expect(refusal).to.be.instanceOf(ChatsUnavailable);
    expect(asked, "late loads are not started").to.equal(2);
  });

  it("pauses after a failure, then tries one load at a time until one succeeds", async () => {
    let asked = 0;
    let isBack = false;
    const loadHead = loaderOf({
      loadHead: async () => {
        asked += 1;
        await pause(5);
        if (!isBack) throw new Error("connection refused");
        return found;
      },
      pauseMs: 40,
    });
    expect(await refusalOf(loadHead("a", 1))).to.have.property("message", "connection refused");
    for (let chat = 2; chat < 10; chat += 1)
      expect(await refusalOf(loadHead("a", chat))).to.be.instanceOf(ChatsUnavailable);
    expect(asked).to.equal(1);
    await pause(60);
    const refusals = await Promise.all([11, 12, 13].map((chat) => refusalOf(loadHead("a", chat))));
    expect(refusals[0]).to.have.property("message", "connection refused");
    expect(asked, "only one load tries").to.equal(2);
    isBack = true;
    await pause(60);
    expect(await loadHead("a", 14)).to.equal(found);
    expect(await Promise.all([loadHead("a", 15), loadHead("a", 16)])).to.deep.equal([found, found]);
  });
});
