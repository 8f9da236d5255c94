import { useForAll } from "@confab/testkit";
import { expect } from "chai";
import type { TestAcceptor } from "@confab/testkit/world";
import { createUuid7 } from "@confab/runtime";
import { createWorld, noLimits, noReadLimits, send, type Chat } from "./world.ts";

describe("a message that replies to another", () => {
  const world = useForAll(createWorld);

  /**
   * Submits messages together, each as a reply to the given number. Returns their numbers, or why they were refused.
   */
  async function reply(acceptor: TestAcceptor, { token, number: chat }: Chat, ...targets: (number | null)[]) {
    const run = targets.map((reply_to, at) => ({ token, chat, body: `reply ${at}`, reply_to, requestId: "test" }));
    const acceptances = await acceptor.submitRun(run);
    return acceptances.map((acceptance) => (acceptance.kind === "accepted" ? acceptance.number : acceptance.kind));
  }

  it("is accepted only if the chat has assigned that number before, and takes no number otherwise", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    const acceptor = side.acceptor();
    expect(await reply(acceptor, chat, 1), "an empty chat").to.deep.equal(["unknown-reply"]);
    await send(acceptor, chat, "first");
    expect(await reply(acceptor, chat, 1, 3, null, 3, 5)).to.deep.equal([2, "unknown-reply", 3, 4, "unknown-reply"]);
    expect(await reply(acceptor, chat, 4, 2_147_483_647)).to.deep.equal([5, "unknown-reply"]);
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
    const acceptor = side.acceptor();
    await send(acceptor, chat, "1", "2", "3");
    await world.store(side);
    await side.redis.flushall();
    expect(await reply(acceptor, chat, 4, 3)).to.deep.equal(["unknown-reply", 4]);
    await world.store(side);
  });

  it("waits with the message before it, whose number it names, instead of being refused for good", async () => {
    const side = await world.connect();
    const { token, number: chat } = await world.createChat();
    const old = () => ({ key: createUuid7(Date.now() - 600_000), hash: "h".repeat(43) });
    const run = [null, 1, 2].map((reply_to, at) => ({
      token,
      chat,
      body: `reply ${at}`,
      reply_to,
      requestId: "test",
      idempotency: old(),
    }));
    const outcomes = async (acceptor: TestAcceptor) =>
      (await acceptor.submitRun(run)).map((answer) => (answer.kind === "accepted" ? answer.number : answer.kind));
    const full = side.acceptor({ limits: { ...noLimits, applicationMessageRate: 1, applicationMessageBurst: 1 } });
    expect(await outcomes(full), "beyond the limit of the application").to.deep.equal([1, "limited", "limited"]);
    expect(await outcomes(side.acceptor()), "keys that MySQL is asked about").to.deep.equal([1, 2, 3]);
    await world.store(side);
  });

  it("is answered like the first time when it is repeated with its key", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    const { token, number } = chat;
    const acceptor = side.acceptor();
    await send(acceptor, chat, "first");
    const submission = { token, chat: number, body: "reply", reply_to: 1, requestId: "test" };
    const idempotency = { key: "k", hash: "h".repeat(43) };
    expect(await acceptor.submit({ ...submission, idempotency })).to.include({ kind: "accepted", number: 2 });
    expect(await acceptor.submit({ ...submission, idempotency })).to.include({ number: 2, replayed: true });
    await world.store(side);
  });
});
