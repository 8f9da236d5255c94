import { eventually, startProxy, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { AcceptorUnavailable, createPressureGauge } from "@confab/pending";
import { createWorld, noLimits, noReadLimits, send } from "./world.ts";

const firstTen = { offset: 0, limit: 10 };

describe("the limits of the backlog", function () {
  this.timeout(30_000);
  const world = useForAll(createWorld);

  it("reads as many batches as fit a transaction, and lists the others and the lost ones", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    await send(side.acceptor(), chat, ...Array.from({ length: 6 }, () => "x".repeat(1000)));
    const ids = await side.backlog.overdue(0, firstTen);
    // Simulates an eviction, because Redis evicts keys one by one.
    await side.redis.del(`${world.prefix}batch:${ids[1]!}`, `${world.prefix}records:${ids[5]!}`);
    const rows = await side.backlog.read(ids, { ...noReadLimits, maxMessages: 3 });
    expect(rows.batches.map(({ id }) => id)).to.deep.equal([ids[0], ids[2], ids[3]]);
    expect(rows).to.deep.include({
      later: [ids[4], ids[5]],
      lost: [{ id: ids[1], messages: [], numberings: [] }],
    });
    const rest = await side.backlog.read(rows.later, noReadLimits);
    expect(rest.batches.map(({ id }) => id)).to.deep.equal([ids[4]]);
    const { token, number, id: chatId } = chat;
    expect(rest.lost.map(({ id, messages }) => [id, messages])).to.deep.equal([
      [ids[5], [{ token, chat: number, chatId, number: 6 }]],
    ]);
    expect(rest.later).to.deep.equal([]);
    expect([...(await side.pending.read(chat, [1, 6])).messages.keys()]).to.have.members([1, 2, 3, 4, 5]);
    const bytes = await side.backlog.read(ids, { ...noReadLimits, maxBytes: 2500 });
    expect(bytes.later).to.deep.equal([ids[3], ids[4], ids[5]]);
    const one = await side.backlog.read(ids, { ...noReadLimits, maxBytes: 1 });
    expect(one.batches, "at least one").to.have.length(1);
    await side.backlog.complete({ ids });
    expect(await side.redis.keys(`${world.prefix}records:*`)).to.deep.equal([]);
    await side.redis.del(`${world.prefix}pending`);
  });

  it("numbers a run in order, and only its beginning when there is no room for all of it", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    const run = (length: number) =>
      Array.from({ length }, (_, index) => ({
        token: chat.token,
        chat: chat.number,
        body: `message ${index}`,
        requestId: "r",
      }));
    const all = await side.acceptor().submitRun(run(100));
    expect(all.map((answer) => answer.kind === "accepted" && answer.number)).to.deep.equal(
      all.map((_, index) => index + 1),
    );
    const part = await side.acceptor({ limits: { ...noLimits, maxPending: 103 } }).submitRun(run(10));
    expect(part.map(({ kind }) => kind)).to.deep.equal(part.map((_, index) => (index < 3 ? "accepted" : "overloaded")));
    await world.store(side);
  });

  it("refuses above the limit of pending messages, and says when to retry", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    const narrow = side.acceptor({ limits: { ...noLimits, maxPending: 2 } });
    await send(narrow, chat, "a", "b");
    const refused = await narrow.submit({ token: chat.token, chat: chat.number, body: "c", requestId: "r" });
    expect(refused).to.deep.include({ kind: "overloaded", pending: 2 });
    const gauge = createPressureGauge(side.redis, world.partitioning, {
      share: (_name, _intervalMs, read) => read,
      intervalMs: 20,
      maxMemory: 0.5,
    });
    await eventually(() => expect(gauge.current()).to.include({ pending: 2, memoryLow: false }));
    expect(gauge.retryAfterSeconds()).to.equal(1);
    await side.redis.config("SET", "maxmemory", "2mb");
    await eventually(() => expect(gauge.current().memoryLow).to.equal(true));
    await side.redis.config("SET", "maxmemory", "0");
    gauge.stop();
    await world.store(side);
    expect(await send(narrow, chat, "c")).to.deep.equal([3]);
    await world.store(side);
  });

  it("answers within the deadline while Redis is silent or unavailable, and accepts again afterwards", async () => {
    const proxy = await startProxy({ target: world.server.url });
    const side = await world.connect(proxy);
    const chat = await world.createChat();
    const acceptor = side.acceptor({ deadlineMs: 300 });
    await send(acceptor, chat, "a");
    for (const [breakIt, repairIt] of [
      [
        () => {
          proxy.pause();
        },
        () => {
          proxy.resume();
        },
      ],
      [() => proxy.cut(), () => proxy.restore()],
    ] as const) {
      await breakIt();
      const began = performance.now();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 600 }, (_, index) => send(acceptor, chat, `lost ${index}`)),
      );
      expect(performance.now() - began).to.be.lessThan(10_000);
      for (const outcome of outcomes) expect(outcome).to.have.property("reason").instanceOf(AcceptorUnavailable);
      await repairIt();
      await eventually(() => side.redis.ping());
      await eventually(() => send(acceptor, chat, "back"));
    }
    await proxy.close();
    await world.store(await world.connect());
  });
});
