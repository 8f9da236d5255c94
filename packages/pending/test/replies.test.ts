import { expect } from "chai";
import type { Intake } from "@confab/pending";
import { createUuid7 } from "@confab/runtime";
import { createWorld, noLimits, noReadLimits, send, type Chat, type World } from "./world.ts";

describe("a message that replies to another", () => {
  let world: World;
  before(async () => {
    world = await createWorld();
  });
  after(() => world.close());

  /** Submits messages together, each a reply to the given number; returns their numbers, or why they were refused. */
  async function reply(intake: Intake, { token, number: chat }: Chat, ...targets: (number | null)[]) {
    const run = targets.map((reply_to, at) => ({ token, chat, body: `reply ${at}`, reply_to, requestId: "test" }));
    const acceptances = await intake.submitRun(run);
    return acceptances.map((acceptance) =>
      acceptance.outcome === "accepted" ? acceptance.number : acceptance.outcome,
    );
  }

  it("is accepted only if the chat has assigned that number before, and takes no number otherwise", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    const intake = side.intake();
    expect(await reply(intake, chat, 1), "an empty chat").to.deep.equal(["unknown-reply"]);
    await send(intake, chat, "first");
    expect(await reply(intake, chat, 1, 3, null, 3, 5)).to.deep.equal([2, "unknown-reply", 3, 4, "unknown-reply"]);
    expect(await reply(intake, chat, 4, 2_147_483_647)).to.deep.equal([5, "unknown-reply"]);
    const ids = await side.backlog.overdue(0, { offset: 0, limit: 100 });
    const { batches } = await side.backlog.read(ids, noReadLimits);
    const targets = batches.flatMap(({ messages }) => messages.map(({ number, reply_to }) => [number, reply_to]));
    expect(new Map(targets as [number, number | undefined][])).to.deep.equal(
      new Map([
        [1, undefined],
        [2, 1],
        [3, undefined],
        [4, 3],
        [5, 4],
      ]),
    );
    await world.store(side);
  });

  it("is checked against the database's last number when Redis has lost the chat head", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    const intake = side.intake();
    await send(intake, chat, "1", "2", "3");
    await world.store(side);
    await side.redis.flushall();
    expect(await reply(intake, chat, 4, 3)).to.deep.equal(["unknown-reply", 4]);
    await world.store(side);
  });

  it("waits with the message before it, whose number it names, instead of being refused for good", async () => {
    const side = await world.connect();
    const { token, number: chat } = await world.createChat();
    const old = () => ({ key: createUuid7(Date.now() - 600_000), hash: "h".repeat(43) });
    const run = [null, 1, 2].map((reply_to, at) => ({
      ...{ token, chat, body: `reply ${at}`, reply_to, requestId: "test", idempotency: old() },
    }));
    const outcomes = async (intake: Intake) =>
      (await intake.submitRun(run)).map((answer) => (answer.outcome === "accepted" ? answer.number : answer.outcome));
    const full = side.intake({ limits: { ...noLimits, applicationMessageRate: 1, applicationMessageBurst: 1 } });
    expect(await outcomes(full), "beyond the limit of the application").to.deep.equal([1, "limited", "limited"]);
    expect(await outcomes(side.intake()), "keys that MySQL is asked about").to.deep.equal([1, 2, 3]);
    await world.store(side);
  });

  it("is answered like the first time when it is repeated with its key", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    const { token, number } = chat;
    const intake = side.intake();
    await send(intake, chat, "first");
    const submission = { token, chat: number, body: "reply", reply_to: 1, requestId: "test" };
    const idempotency = { key: "k", hash: "h".repeat(43) };
    expect(await intake.submit({ ...submission, idempotency })).to.include({ outcome: "accepted", number: 2 });
    expect(await intake.submit({ ...submission, idempotency })).to.include({ number: 2, replayed: true });
    await world.store(side);
  });
});
