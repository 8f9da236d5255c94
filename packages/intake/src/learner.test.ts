import { expect } from "chai";
import { setTimeout as pause } from "node:timers/promises";
import { createLearner, ChatsUnavailable, type LearnerOptions } from "./learner.ts";

const found = { id: 1n, lastNumber: 0 };
const learnerOf = (options: Partial<LearnerOptions>) =>
  createLearner({ learn: () => Promise.resolve(found), deadlineMs: 1_000, ...options });
const refusalOf = (question: Promise<unknown>): Promise<unknown> => question.catch((error: unknown) => error);

describe("learning chats", () => {
  it("asks about all tokens of a turn at once, and remembers for a while which are nobody's", async () => {
    const questions: string[][] = [];
    const learn = learnerOf({
      findApplications: (tokens) => {
        questions.push([...tokens]);
        return Promise.resolve(new Set(["mine"]));
      },
      learn: (_, chat) => Promise.resolve(chat === 1 ? found : undefined),
    });
    const answers = await Promise.all([
      learn("mine", 1),
      learn("mine", 2),
      learn("x", 1),
      learn("y", 1),
      learn("x", 2),
    ]);
    expect(answers).to.deep.equal([
      found,
      "unknown-chat",
      "unknown-application",
      "unknown-application",
      "unknown-application",
    ]);
    expect([await learn("x", 3), await learn("mine", 1)]).to.deep.equal(["unknown-application", found]);
    expect(questions).to.deep.equal([["mine", "x", "y"]]);
  });

  it("gives each question the same time, however many came before it", async () => {
    let asked = 0;
    const learn = learnerOf({
      learn: () => {
        asked += 1;
        return new Promise(() => undefined);
      },
      width: 2,
      deadlineMs: 50,
    });
    const began = performance.now();
    const refusals = await Promise.all(Array.from({ length: 200 }, (_, chat) => refusalOf(learn("a", chat))));
    expect(performance.now() - began).to.be.within(45, 5_000);
    for (const refusal of refusals) expect(refusal).to.be.instanceOf(ChatsUnavailable);
    expect(asked, "what is late is not asked any more").to.equal(2);
  });

  it("asks nobody for a while after a failure, then one at a time until there is an answer", async () => {
    let asked = 0;
    let isBack = false;
    const learn = learnerOf({
      learn: async () => {
        asked += 1;
        await pause(5);
        if (!isBack) throw new Error("connection refused");
        return found;
      },
      pauseMs: 40,
    });
    expect(await refusalOf(learn("a", 1))).to.have.property("message", "connection refused");
    for (let chat = 2; chat < 10; chat += 1)
      expect(await refusalOf(learn("a", chat))).to.be.instanceOf(ChatsUnavailable);
    expect(asked).to.equal(1);
    await pause(60);
    const refusals = await Promise.all([11, 12, 13].map((chat) => refusalOf(learn("a", chat))));
    expect(refusals[0]).to.have.property("message", "connection refused");
    expect(asked, "one alone tries").to.equal(2);
    isBack = true;
    await pause(60);
    expect(await learn("a", 14)).to.equal(found);
    expect(await Promise.all([learn("a", 15), learn("a", 16)])).to.deep.equal([found, found]);
  });
});
