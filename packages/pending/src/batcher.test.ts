import { expect } from "chai";
import type { BatchEntry, EntryResult } from "./encode-batch.ts";
import { createBatcher, AcceptorBusy, AcceptorUnavailable } from "./batcher.ts";

const entry = (body: string): BatchEntry => ({ token: "t", chat: 1, body, requestId: "r" });
const answer = (entries: readonly BatchEntry[]): EntryResult[] =>
  entries.map((_, index) => ({
    result: index + 1,
    createdAt: new Date(1),
    incarnation: "",
    pending: 0,
    limit: undefined,
    keys: undefined,
    userKeysWaitMs: undefined,
    memory: undefined,
  }));

const roomy = { maxBatchBytes: 1_000_000, maxWaitingBytes: 1_000_000 };

describe("the batcher", () => {
  it("sends the entries of one turn together and at once", async () => {
    const sizes: number[] = [];
    const batcher = createBatcher({
      send: (entries) => {
        sizes.push(entries.length);
        return Promise.resolve(answer(entries));
      },
      maxBatch: 100,
      maxInFlight: 4,
      maxWaiting: 1000,
      ...roomy,
      deadlineMs: 1000,
    });
    const results = await Promise.all(["a", "b", "c"].map((body) => batcher.submit([entry(body)])));
    expect(results.flat().map(({ result }) => result)).to.deep.equal([1, 2, 3]);
    expect(sizes).to.deep.equal([3]);
    await batcher.stop();
  });

  it("sends a full batch before the turn ends, because a turn with thousands of requests is long", async () => {
    const sizes: number[] = [];
    const batcher = createBatcher({
      send: (entries) => {
        sizes.push(entries.length);
        return Promise.resolve(answer(entries));
      },
      maxBatch: 2,
      maxInFlight: 2,
      maxWaiting: 1000,
      ...roomy,
      deadlineMs: 1000,
    });
    const submitted = "a b c d e".split(" ").map((body) => batcher.submit([entry(body)]));
    expect(sizes).to.deep.equal([2, 2]);
    await Promise.all(submitted);
    expect(sizes).to.deep.equal([2, 2, 1]);
    await batcher.stop();
  });

  it("limits the batches in flight and their size, and keeps the order", async () => {
    const sent: string[][] = [];
    const finish: (() => void)[] = [];
    const batcher = createBatcher({
      send: (entries) => {
        sent.push(entries.map(({ body }) => body));
        return new Promise((resolve) =>
          finish.push(() => {
            resolve(answer(entries));
          }),
        );
      },
      maxBatch: 2,
      maxInFlight: 2,
      maxWaiting: 1000,
      ...roomy,
      deadlineMs: 1000,
    });
    const submitted = Promise.all("a b c d e f g".split(" ").map((body) => batcher.submit([entry(body)])));
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).to.deep.equal([
      ["a", "b"],
      ["c", "d"],
    ]);
    finish.shift()!();
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent[2]).to.deep.equal(["e", "f"]);
    const stopped = batcher.stop();
    while (finish.length > 0) {
      finish.shift()!();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all([submitted, stopped]);
    expect(sent.flat().join("")).to.equal("abcdefg");
  });

  it("never splits entries that are submitted together", async () => {
    const sizes: number[] = [];
    const batcher = createBatcher({
      send: (entries) => {
        sizes.push(entries.length);
        return Promise.resolve(answer(entries));
      },
      maxBatch: 5,
      maxInFlight: 1,
      maxWaiting: 1000,
      ...roomy,
      deadlineMs: 1000,
    });
    const runs = [3, 3, 2, 7, 1].map((length) => batcher.submit(Array.from({ length }, () => entry("x"))));
    expect((await Promise.all(runs)).map((results) => results.length)).to.deep.equal([3, 3, 2, 7, 1]);
    expect(sizes).to.deep.equal([3, 5, 7, 1]);
    await batcher.stop();
  });

  it("refuses at once when too many entries wait, and rejects unanswered ones at the deadline", async () => {
    const batcher = createBatcher({
      send: () => new Promise(() => undefined),
      maxBatch: 1,
      maxInFlight: 1,
      maxWaiting: 1,
      ...roomy,
      deadlineMs: 60,
    });
    const inFlight = batcher.submit([entry("a")]);
    const outcomes = [inFlight];
    await new Promise((resolve) => setImmediate(resolve));
    outcomes.push(batcher.submit([entry("b")]), batcher.submit([entry("c")]));
    const reasons = (await Promise.allSettled(outcomes)).map((outcome) => (outcome as { reason?: unknown }).reason);
    expect(reasons[0]).to.be.instanceOf(AcceptorUnavailable);
    expect(reasons[1]).to.be.instanceOf(AcceptorUnavailable);
    expect(reasons[2], "refused as busy").to.be.instanceOf(AcceptorBusy);
    await batcher.stop();
  });

  it("limits waiting entries, not submissions, and accepts more once they are sent", async () => {
    const finish: (() => void)[] = [];
    const batcher = createBatcher({
      send: (entries) =>
        new Promise((resolve) =>
          finish.push(() => {
            resolve(answer(entries));
          }),
        ),
      maxBatch: 3,
      maxInFlight: 1,
      maxWaiting: 3,
      ...roomy,
      deadlineMs: 5000,
    });
    const run = () => batcher.submit([entry("a"), entry("b"), entry("c")]);
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const inFlight = run();
    await turn();
    const waiting = run();
    expect(await run().catch((error: unknown) => error)).to.be.instanceOf(AcceptorBusy);
    finish.shift()!();
    expect(await inFlight).to.have.length(3);
    const next = run();
    while (finish.length > 0) {
      finish.shift()!();
      await turn();
    }
    expect((await Promise.all([waiting, next])).flat()).to.have.length(6);
    await batcher.stop();
  });

  it("limits the bytes per batch and in all waiting entries, and sends one large batch per turn", async () => {
    const sizes: number[] = [];
    const batcher = createBatcher({
      send: (entries) => {
        sizes.push(entries.reduce((sum, { body }) => sum + body.length, 0));
        return Promise.resolve(answer(entries));
      },
      maxBatch: 100,
      maxBatchBytes: 10,
      maxInFlight: 4,
      maxWaiting: 1000,
      maxWaitingBytes: 40,
      deadlineMs: 1000,
    });
    const submitted = ["aaaa", "bbbb", "cccc", "d".repeat(25), "e"].map((body) => batcher.submit([entry(body)]));
    const refused = await submitted[3]!.then(() => batcher.submit([entry("x".repeat(50))])).catch(() => "never");
    expect(refused, "accepts an entry while less than the limit is waiting").to.have.length(1);
    await Promise.all(submitted);
    expect(sizes).to.deep.equal([8, 4, 25, 1, 50]);

    const many = ["f".repeat(30), "g".repeat(30), "h"].map((body) => batcher.submit([entry(body)]));
    const last = (await Promise.allSettled(many))[2] as { reason?: unknown };
    expect(last.reason).to.be.instanceOf(AcceptorBusy);
    await batcher.stop();
  });
});
