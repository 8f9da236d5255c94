import { queues } from "@confab/queue";
import { partitionPrefix } from "@confab/redis";
import { eventually, useForEach } from "@confab/testkit";
import { Queue } from "bullmq";
import { expect } from "chai";
import { createSweeps } from "../src/schedules/sweep.ts";
import { start } from "./start.ts";

describe("the sweep for batches without a working job", function () {
  this.timeout(30_000);
  let queue: Queue;
  const world = useForEach(start);
  beforeEach(() => {
    const { prefix } = world.config.partitioning;
    queue = new Queue(queues.messages.name, { connection: world.redis, prefix: partitionPrefix(prefix, 0) });
  });
  afterEach(async () => {
    await queue.close();
  });

  /** Waits until sending has added a job for each batch, and removes these jobs. */
  const removeJobs = async (batches: readonly string[]) => {
    await eventually(async () => {
      const jobs = (await queue.getJobs("waiting")) as { data: { batches: string[] } }[];
      expect(jobs.flatMap(({ data }) => data.batches)).to.have.members([...batches]);
    });
    await queue.drain();
  };

  const stored = (chat: { id: bigint }, expected: Record<number, string>) =>
    eventually(async () => expect(await world.stored(chat)).to.deep.equal(expected));

  it("stores a batch whose job failed permanently, for example because a newer version wrote its payload", async () => {
    const chat = await world.createChat();
    await world.send(chat, "newer");
    const [id] = await world.backlogs[0]!.overdue(0, { offset: 0, limit: 10 });
    await removeJobs([id!]);
    await queue.add("batch", { v: 2, batch: id }, { jobId: `b-${id!}`, attempts: 1 });
    world.run();
    await stored(chat, { 1: "newer" });
    await eventually(async () => expect(await queue.getFailedCount()).to.equal(0));
  });

  it("is not needed for a batch whose job has unknown fields", async () => {
    const chat = await world.createChat();
    await world.send(chat, "newer");
    const [id] = await world.backlogs[0]!.overdue(0, { offset: 0, limit: 10 });
    await removeJobs([id!]);
    await queue.add("batch", { batches: [id], traces: { version: 2 }, more: true }, { jobId: `b-${id!}`, attempts: 1 });
    world.run();
    await stored(chat, { 1: "newer" });
    expect(await world.metric("confab_batches_requeued_total"), "stored without a sweep").to.equal(0);
  });

  it("is not needed for batches that share a job, until that job is missing", async () => {
    const chat = await world.createChat();
    for (const body of ["one", "two", "three"]) await world.send(chat, body);
    const [backlog] = world.backlogs;
    const ids = await backlog!.overdue(0, { offset: 0, limit: 10 });
    await removeJobs(ids);
    await backlog!.noteWokenTogether(ids);
    await world.producer.wakeBatches(0, ids);
    const sweep = async () => world.producer.wakeForgotten(0, await backlog!.wokenWith(ids));
    expect(await sweep(), "while the job waits").to.equal(0);
    expect(await queue.getJobCounts("waiting")).to.deep.equal({ waiting: 1 });
    await queue.remove(`b-${ids[0]!}`);
    expect(await sweep(), "without the job").to.equal(3);
    expect(await sweep(), "each has its own job").to.equal(0);
    world.run();
    await stored(chat, { 1: "one", 2: "two", 3: "three" });
  });

  it("stores batches whose jobs exist and are in no list", async () => {
    const chat = await world.createChat();
    for (const body of ["one", "two", "three"]) await world.send(chat, body);
    await eventually(async () => expect(await queue.getWaitingCount()).to.be.at.least(1));
    // A queue tool or a partial loss of data can delete this list. The hashes of the jobs remain.
    await world.redis.del(queue.toKey("wait"));
    world.run();
    await stored(chat, { 1: "one", 2: "two", 3: "three" });
    await eventually(async () => expect(await world.redis.keys(queue.toKey("b-*"))).to.deep.equal([]));
    expect(await world.metric("confab_batches_requeued_total")).to.be.at.least(1);
  });

  it("lets no job fail permanently, however often its workers died", async () => {
    const chat = await world.createChat();
    await world.send(chat, "unlucky");
    const [id] = await world.backlogs[0]!.overdue(0, { offset: 0, limit: 10 });
    const job = `b-${id!}`;
    await eventually(async () => expect(await queue.getWaitingCount()).to.equal(1));
    // This is the state of the job after 5,000 workers have died while they had it.
    await world.redis.lrem(queue.toKey("wait"), 1, job);
    await world.redis.lpush(queue.toKey("active"), job);
    await world.redis.hset(queue.toKey(job), "stc", 5000);
    await world.redis.sadd(queue.toKey("stalled"), job);
    world.run();
    await stored(chat, { 1: "unlucky" });
    expect(await queue.getFailedCount()).to.equal(0);
    expect(world.lines.filter(({ message }) => message === "job failed")).to.deep.equal([]);
  });

  it("logs the jobs of a dead worker once, with their number and batches, and counts each", async () => {
    const chat = await world.createChat();
    for (const body of ["one", "two", "three"]) await world.send(chat, body);
    const ids = await world.backlogs[0]!.overdue(0, { offset: 0, limit: 10 });
    expect(ids).to.have.length(3);
    await removeJobs(ids);
    for (const id of ids) await world.producer.wakeBatches(0, [id]);
    for (const job of ids.map((id) => `b-${id}`)) {
      await world.redis.lrem(queue.toKey("wait"), 1, job);
      await world.redis.lpush(queue.toKey("active"), job);
      await world.redis.sadd(queue.toKey("stalled"), job);
    }
    world.run();
    await stored(chat, { 1: "one", 2: "two", 3: "three" });
    await eventually(async () => {
      const lines = world.lines.filter(({ message }) => String(message).startsWith("jobs stalled"));
      expect(lines).to.have.length(1);
      expect(lines[0]).to.include({ queue: "messages", jobs: 3 });
      expect(lines[0]!.batches).to.have.members(ids);
      const { values } = await world.metrics.registry.getSingleMetric("confab_jobs_total")!.get();
      const stalled = values.find(({ labels }) => labels.queue === "messages" && labels.outcome === "stalled");
      expect(stalled?.value).to.equal(3);
    });
  });

  it("looks at one page of overdue batches after another, and begins again", async () => {
    const asked: number[] = [];
    const ids = Array.from({ length: 2500 }, (_, index) => `batch ${index}`);
    const overdue = (_: number, { offset, limit }: { offset: number; limit: number }) => {
      asked.push(offset);
      return Promise.resolve(ids.slice(offset, offset + limit));
    };
    const requeued: string[] = [];
    const [sweep] = createSweeps({
      backlogs: [{ overdue, wokenWith: (page) => Promise.resolve(page.map((id) => ({ id, wokenWith: id }))) }],
      producer: { wakeForgotten: (_, page) => Promise.resolve(requeued.push(...page.map(({ id }) => id))) },
      overdueMs: 0,
      metrics: world.metrics,
      logger: world.logger,
    });
    for (let turn = 0; turn < 4; turn++) await sweep!();
    expect(asked).to.deep.equal([0, 1000, 2000, 0]);
    expect(new Set(requeued).size).to.equal(2500);
  });
});
