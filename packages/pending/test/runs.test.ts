import { useForAll } from "@confab/testkit";
import { AcceptorUnavailable, type Acceptance } from "@confab/pending";
import type { TestAcceptor } from "@confab/testkit/world";
import { expect } from "chai";
import { createWorld, type Chat } from "./world.ts";

describe("runs of different chats that are submitted together", () => {
  let chats: Chat[];
  const world = useForAll(createWorld);
  beforeEach(async () => {
    chats = await Promise.all(Array.from({ length: 8 }, () => world.createChat()));
  });

  /** Submits a run to each chat: one message to the first, two to the second, and so on. */
  const submit = (acceptor: TestAcceptor, to: readonly Pick<Chat, "token" | "number">[] = chats) =>
    acceptor.submitRuns(
      to.map(({ token, number: chat }, nth) =>
        Array.from({ length: nth + 1 }, (_, at) => ({ token, chat, body: `${chat} ${at}`, requestId: "r" })),
      ),
    );
  const numbersOf = (answers: readonly Acceptance[] | Error) => {
    if (answers instanceof Error) throw answers;
    return answers.map((answer) => (answer.kind === "accepted" ? answer.number : answer.kind));
  };
  const numbers = (first: number, count: number) => Array.from({ length: count }, (_, at) => first + at);

  it("are one batch, in which each is numbered in its chat", async () => {
    const sizes: number[] = [];
    const side = await world.connect();
    const acceptor = side.acceptor({ onBatch: ({ size }) => sizes.push(size) });
    await submit(acceptor);
    sizes.length = 0;
    const answers = await submit(acceptor);
    expect(sizes).to.deep.equal([36]);
    expect(answers.map(numbersOf)).to.deep.equal(chats.map((_, nth) => numbers(nth + 2, nth + 1)));
  });

  it("are answered in their order, in whatever partitions their chats are", async () => {
    const batches: number[] = [];
    const side = await world.connect();
    const acceptor = side.acceptor({
      partitioning: { ...world.partitioning, partitions: 4 },
      wake: (partition) => Promise.resolve(batches.push(partition)),
    });
    expect((await submit(acceptor)).map(numbersOf)).to.deep.equal(chats.map((_, nth) => numbers(1, nth + 1)));
    expect((await submit(acceptor)).map(numbersOf)).to.deep.equal(chats.map((_, nth) => numbers(nth + 2, nth + 1)));
    expect(new Set(batches).size, "partitions").to.be.above(1);
    expect(await acceptor.submitRuns([])).to.deep.equal([]);
  });

  it("fail alone if their chat cannot be found", async () => {
    const side = await world.connect();
    const failure = new Error("MySQL is unavailable");
    const unreadable = chats[2]!;
    const acceptor = side.acceptor({
      loadHead: (_, chat) => {
        const known = chats.find(({ number }) => number === chat);
        if (known === unreadable) return Promise.reject(failure);
        return Promise.resolve(known && { id: known.id, lastNumber: 0, epoch: 0 });
      },
    });
    const answers = await submit(acceptor, chats.with(5, { ...chats[5]!, number: 1_000_000 }));
    expect(answers[2]).to.equal(failure);
    expect(numbersOf(answers[5]!)).to.deep.equal(Array.from({ length: 6 }, () => "unknown-chat"));
    const others = [0, 1, 3, 4, 6, 7];
    expect(others.map((nth) => numbersOf(answers[nth]!))).to.deep.equal(others.map((nth) => numbers(1, nth + 1)));
  });

  it("fail each with the error of their batch", async () => {
    const side = await world.connect();
    const acceptor = side.acceptor();
    await submit(acceptor);
    side.redis.disconnect();
    for (const answer of await submit(acceptor)) expect(answer).to.be.instanceOf(AcceptorUnavailable);
  });
});
