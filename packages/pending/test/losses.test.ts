import { useForAll } from "@confab/testkit";
import { createBatchStore } from "@confab/database";
import { expect } from "chai";
import { createWorld, noReadLimits, send } from "./world.ts";

describe("when Redis loses its data while a batch is being stored", function () {
  this.timeout(30_000);
  const world = useForAll(createWorld);

  it("keeps the late batch, and the messages that are acknowledged afterwards under the same numbers", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    const batchStore = createBatchStore(world.database);
    const read = async () => {
      const ids = await side.backlog.overdue(0, { offset: 0, limit: 10 });
      return (await side.backlog.read(ids, noReadLimits)).batches;
    };
    const commit = (batches: Awaited<ReturnType<typeof read>>) =>
      batchStore.store(batches.map(({ id, messages }) => ({ id: Buffer.from(id, "base64url"), messages })));

    await send(side.acceptor(), chat, "old 1", "old 2");
    const old = await read();
    await side.redis.flushall();
    // The old batches are not committed yet, so the numbers are assigned a second time.
    expect(await send(side.acceptor(), chat, "new 1", "new 2")).to.deep.equal([1, 2]);
    expect((await commit(old)).stored).to.equal(2);
    expect(await side.backlog.complete({ ids: old.map(({ id }) => id) })).to.have.property("completed", 0);
    expect([...(await side.pending.read(chat, [1, 2])).messages.values()].map(({ body }) => body)).to.deep.equal([
      "new 1",
      "new 2",
    ]);

    const fresh = await read();
    const { stored, conflicts } = await commit(fresh);
    expect([stored, conflicts.map(({ body }) => body)]).to.deep.equal([0, ["new 1", "new 2"]]);
    const moves = conflicts.map(({ record }, at) => {
      return { batchId: fresh[at]!.id, record, chatId: chat.id, lastNumber: 2 };
    });
    expect(await side.backlog.complete({ ids: fresh.map(({ id }) => id), moves })).to.deep.include({ moved: [3, 4] });
    const [renumbered] = await read();
    await world.store(side);
    const again = await side.backlog.complete({ ids: [renumbered!.id] });
    expect(again.missing, "it was completed, not lost").to.deep.equal([]);
    expect(await world.stored(chat)).to.deep.equal({ 1: "old 1", 2: "old 2", 3: "new 1", 4: "new 2" });
    expect(await send(side.acceptor(), chat, "next")).to.deep.equal([5]);
    expect(await side.backlog.depth()).to.have.property("pending", 1);
  });
});
