import { useForAll } from "@confab/testkit";
import { createUuid7 } from "@confab/runtime";
import { expect } from "chai";
import { encodeBatch } from "../src/encode-batch.ts";
import { createBatchId } from "../src/batch-id.ts";
import { guardKeys } from "../src/scripts.ts";
import { createWorld, noLimits, noReadLimits, send } from "./world.ts";

const firstTen = { offset: 0, limit: 10 };

describe("the backlog of accepted messages", function () {
  this.timeout(30_000);
  const world = useForAll(createWorld);

  it("returns batches with their messages, and removes them once they are complete", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    const body = "line one\nline two\u0000 👩‍👩‍👧 ";
    await send(side.acceptor(), chat, body);
    const [id, ...others] = await side.backlog.overdue(0, firstTen);
    expect(others).to.deep.equal([]);
    const {
      batches: [batch],
      lost,
    } = await side.backlog.read([id!, "unknown"], noReadLimits);
    expect(lost).to.deep.equal([]);
    expect(batch!.messages).to.have.length(1);
    expect(batch!.messages[0]).to.include({
      token: chat.token,
      chat: chat.number,
      chatId: chat.id,
      number: 1,
      body,
      requestId: "test",
    });
    expect(await side.backlog.depth()).to.have.property("pending", 1);
    expect(await side.backlog.complete({ ids: [id!, id!] }), "given twice").to.have.property("completed", 1);
    expect(await side.backlog.complete({ ids: [id!] }), "repeating changes nothing").to.have.property("completed", 0);
    expect(await side.backlog.depth()).to.deep.equal({ pending: 0, oldestAgeMs: undefined });
    expect(await side.backlog.read([id!], noReadLimits)).to.deep.equal({
      batches: [],
      later: [],
      lost: [],
      repaired: [],
      newer: [],
    });
  });

  it("notes which job stands for a batch, but not for a missing batch", async () => {
    const side = await world.connect();
    const acceptor = side.acceptor();
    const chat = await world.createChat();
    for (const body of ["a", "b"]) await send(acceptor, chat, body);
    const ids = await side.backlog.overdue(0, firstTen);
    const [first, second] = ids;
    await side.backlog.noteWokenTogether([...ids, "missing"]);
    expect(await side.backlog.wokenWith([...ids, "missing"])).to.deep.equal([
      { id: first, wokenWith: first },
      { id: second, wokenWith: first },
      { id: "missing", wokenWith: "missing" },
    ]);
    expect(await side.redis.exists(`${world.prefix}batch:missing`), "a key that nothing removes").to.equal(0);
    await world.store(side);
  });

  it("lists overdue batches and no younger ones", async () => {
    const side = await world.connect();
    await send(side.acceptor(), await world.createChat(), "a");
    expect(await side.backlog.overdue(5000, firstTen)).to.deep.equal([]);
    expect(await side.backlog.overdue(0, firstTen)).to.have.length(1);
    expect(await side.backlog.overdue(0, { offset: 1, limit: 10 })).to.deep.equal([]);
    await world.store(side);
  });

  it("counts a batch as overdue if Redis' clock has stepped back since it was accepted", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    for (const body of ["a", "b", "c"]) await send(side.acceptor(), chat, body);
    const ids = await side.backlog.overdue(0, firstTen);
    await side.redis.zadd(`${world.prefix}batches`, "XX", Date.now() - 10_000, ids[0]!);
    await side.redis.zadd(`${world.prefix}batches`, "XX", Date.now() + 10_000, ids[2]!);
    expect(await side.backlog.overdue(5_000, firstTen)).to.deep.equal([ids[0], ids[2]]);
    expect(await side.backlog.overdue(5_000, { offset: 1, limit: 10 })).to.deep.equal([ids[2]]);
    expect(await side.backlog.overdue(0, { offset: 1, limit: 1 })).to.deep.equal([ids[1]]);
    await world.store(side);
  });

  it("renumbers a message once, in the step that completes its batch, and updates its idempotency key", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    const { token, number } = chat;
    const submit = () =>
      side
        .acceptor()
        .submit({ token, chat: number, body: "late", requestId: "r", idempotency: { key: "k", hash: "h".repeat(43) } });
    expect(await submit()).to.include({ number: 1, replayed: false });
    const [batchId] = await side.backlog.overdue(0, firstTen);
    const { batches } = await side.backlog.read([batchId!], noReadLimits);
    const message = batches[0]!.messages[0]!;
    const moves = [{ batchId: batchId!, record: message.record, chatId: chat.id, lastNumber: 7 }];

    const first = await side.backlog.complete({ ids: [batchId!], moves });
    expect(first).to.deep.include({ completed: 0, moved: [8] });
    expect(await side.backlog.complete({ ids: [batchId!], moves })).to.deep.equal({
      completed: 0,
      missing: [],
      moved: [undefined],
      movedBatchId: undefined,
    });
    const moved = await side.backlog.read([first.movedBatchId!], noReadLimits);
    expect(moved.batches[0]!.messages).to.deep.equal([{ ...message, number: 8 }]);
    expect((await side.pending.read(chat, [1, 8])).messages.has(8)).to.equal(true);
    expect(await side.backlog.depth()).to.have.property("pending", 1);
    expect(await submit(), "a repeated request").to.include({ number: 8, replayed: true });
    expect(await send(side.acceptor(), chat, "next")).to.deep.equal([9]);
    await world.store(side);
    expect(await submit(), "a repeated request after the message is stored").to.include({ number: 8, replayed: true });
  });

  it("gives the key of a repetition the number and the time of the message that it repeats, which may be renumbered at once", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    const submit = (key: string, body: string) =>
      side.acceptor().submit({
        token: chat.token,
        chat: chat.number,
        body,
        requestId: "r",
        idempotency: { key, hash: body.padEnd(43, "_") },
      });
    const keys = ["any-key", createUuid7()];
    for (const key of keys) {
      await send(side.acceptor(), chat, "other");
      await submit(key, key);
    }
    const ids = await side.backlog.overdue(0, firstTen);
    const { batches } = await side.backlog.read(ids, noReadLimits);
    const batchOf = (number: number) => batches.find(({ messages }) => messages[0]!.number === number)!.id;
    const acceptedAt = new Date(Date.now() - 5_000);
    const uid = createBatchId(acceptedAt.getTime());
    const repetitions = [2, 4].map((own) => ({ batchId: batchOf(own), record: 1, original: { number: own - 1, uid } }));
    const moves = [{ batchId: batchOf(1), record: 1, chatId: chat.id, lastNumber: 7 }];
    const completed = await side.backlog.complete({ ids, repetitions, moves });
    expect(completed).to.deep.include({ completed: 3, moved: [8] });
    for (const [nth, key] of keys.entries()) {
      const again = await submit(key, key);
      expect(again).to.deep.include({ number: 2 * nth + 1, replayed: true, createdAt: acceptedAt });
    }
    expect((await submit(keys[0]!, "another-body")).kind).to.equal("conflict");
    await world.store(side);
  });

  it("shows every range of the pending messages, in whatever order batches are completed", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    const { token, number } = chat;
    let left: number[] = [];
    for (let size = 1; size <= 6; size++) {
      const run = Array.from({ length: size }, () => ({ token, chat: number, body: "x", requestId: "r" }));
      const answers = await side.acceptor().submitRun(run);
      left.push(...answers.map((answer) => (answer.kind === "accepted" ? answer.number : NaN)));
    }
    const ids = await side.backlog.overdue(0, firstTen);
    const { batches } = await side.backlog.read(ids, noReadLimits);
    const shown = async (from: number, to: number) => [...(await side.pending.read(chat, [from, to])).messages.keys()];
    for (const completed of [[], [2], [5, 0], [3], [1, 4]]) {
      await side.backlog.complete({ ids: completed.map((at) => ids[at]!) });
      const gone = new Set(completed.flatMap((at) => batches[at]!.messages.map((message) => message.number)));
      left = left.filter((one) => !gone.has(one));
      for (let from = 1; from <= 22; from++)
        for (let to = from; to <= 22; to++)
          expect(await shown(from, to), `${from} to ${to}`).to.deep.equal(left.filter((n) => n >= from && n <= to));
    }
    expect(await side.redis.keys(`${world.prefix}pending:*`)).to.deep.equal([]);
  });

  it("keeps thousands of ranges in their order while the newest ones are completed first", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    const { token, number } = chat;
    const acceptor = side.acceptor({ maxBatch: 1, deadlineMs: 30_000 });
    const submit = () => acceptor.submit({ token, chat: number, body: "x", requestId: "r" });
    const count = 2_500;
    await Promise.all(Array.from({ length: count }, submit));
    const ids = await side.backlog.overdue(0, { offset: 0, limit: count });
    const { batches } = await side.backlog.read(ids, noReadLimits);
    const numberOf = new Map(batches.map(({ id, messages }) => [id, messages[0]!.number]));
    const byNumber = ids.toSorted((a, b) => numberOf.get(a)! - numberOf.get(b)!);
    await side.backlog.complete({ ids: [byNumber.at(-1)!, byNumber[1]!] });
    const ranges = await side.redis.lrange(`${world.prefix}pending:${token}:${number}`, 0, -1);
    const left = Array.from({ length: count - 1 }, (_, at) => at + 1).filter((one) => one !== 2);
    expect(ranges.map((range) => Number.parseInt(range))).to.deep.equal(left);
    await side.backlog.complete({ ids });
    expect(await side.redis.keys(`${world.prefix}pending:*`)).to.deep.equal([]);
  });

  it("stores each message once when its batch is sent again so late that other messages of it are accepted", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    const loaded = { id: String(chat.id), lastNumber: 0, epoch: 0, numbering: 1 };
    const now = Date.now();
    const batchId = createBatchId(now);
    const accept = async (incarnation: string) => {
      const entry = { token: chat.token, chat: chat.number, requestId: "r", loaded: { ...loaded, incarnation } };
      const entries = [
        { ...entry, body: "reply", reply_to: 1 },
        { ...entry, body: "first" },
      ];
      const batch = encodeBatch(world.prefix, batchId, entries, noLimits, now);
      return batch.parse(await side.redis.confabAccept(...guardKeys(world.prefix), ...batch.args));
    };
    const { incarnation } = (await accept(""))[0]!;
    expect((await accept(incarnation)).map(({ result }) => result)).to.deep.equal(["reply", 1]);
    await world.store(side);
    // The batch's results have expired.
    await side.redis.del(`${world.prefix}batch:${batchId.toString("base64url")}`);
    expect((await accept(incarnation)).map(({ result }) => result)).to.deep.equal([2, 3]);
    await world.store(side);
    expect(await world.stored(chat)).to.deep.equal({ 1: "first", 2: "reply", 3: "" });
  });

  it("shows pending messages to readers, and the last number even without a chat head", async () => {
    const side = await world.connect();
    const chat = await world.createChat();
    await send(side.acceptor(), chat, "a", "b");
    const window = await side.pending.read(chat, [1, 2, 3]);
    expect(window.head?.last).to.equal(2);
    expect([...window.messages].map(([number, { body }]) => [number, body])).to.deep.equal([
      [1, "a"],
      [2, "b"],
    ]);
    await side.redis.del(`${world.prefix}head:${chat.token}:${chat.number}`);
    expect((await side.pending.head(chat))?.last).to.equal(2);
    await world.store(side);
  });
});
