import {
  queues,
  waitListKey,
  createConsumer,
  createProducer,
  queueDepths,
  type Consumer,
  type Producer,
} from "@confab/queue";
import { partitionPrefix, connectForRequests, connectForWork, type RedisConnection, whenReady } from "@confab/redis";
import { eventually, testStores, uniquePrefix } from "@confab/testkit";
import { Queue } from "bullmq";
import { expect } from "chai";

import { pino } from "pino";

describe("the queues", () => {
  let redis: RedisConnection;
  let blocking: RedisConnection;
  let producer: Producer;
  let prefix: string;
  const consumers: Consumer[] = [];
  const lines: Record<string, unknown>[] = [];
  const logger = pino(
    { level: "warn" },
    { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  );

  beforeEach(async () => {
    prefix = uniquePrefix("queue");
    lines.length = 0;
    redis = connectForRequests({ url: testStores().redisUrl }, "test");
    blocking = connectForWork({ url: testStores().redisUrl }, "test");
    await whenReady(redis, 5000);
    producer = await createProducer({ connection: redis, prefix, partitions: 2 });
  });
  afterEach(async () => {
    await Promise.all(consumers.splice(0).map((consumer) => consumer.stop()));
    await producer.stop();
    redis.disconnect();
    blocking.disconnect();
  });

  const consume = (partition: number, handle: (payload: { batches: string[] }) => Promise<void>): void => {
    consumers.push(
      createConsumer({ queue: "messages", connection: blocking, prefix, partition, concurrency: 10, handle, logger }),
    );
  };

  it("keeps waiting jobs in the list that the autoscaler reads", async () => {
    for (const batch of ["one", "two"]) await producer.wakeBatches(0, [batch]);
    expect(await redis.llen(waitListKey(prefix, 0, "messages"))).to.equal(2);
    expect(await redis.llen(waitListKey(prefix, 1, "messages"))).to.equal(0);
    const depths = await queueDepths(redis, prefix, 2);
    expect(depths.map(({ queue, partition, jobs }) => [queue, partition, jobs.waiting])).to.deep.equal([
      ["messages", 0, 2],
      ["messages", 1, 0],
      ["search", 0, 0],
    ]);
  });

  it("adds the job of a batch once while it exists, even if its id looks like a number", async () => {
    for (const batch of ["123", "123", "123"]) await producer.wakeBatches(1, [batch]);
    expect(await redis.llen(waitListKey(prefix, 1, "messages"))).to.equal(1);
    const handled: string[] = [];
    consume(1, ({ batches }) => Promise.resolve(void handled.push(...batches)));
    await eventually(() => {
      expect(handled).to.deep.equal(["123"]);
    });
  });

  it("retries failed jobs", async () => {
    let attempts = 0;
    await producer.wakeBatches(0, ["flaky"]);
    consume(0, () => (++attempts < 3 ? Promise.reject(new Error("not yet")) : Promise.resolve()));
    await eventually(() => {
      expect(attempts).to.equal(3);
    });
    expect(lines.map(({ batch }) => batch)).to.deep.equal(["flaky", "flaky"]);
  });

  it("fails a job with an invalid payload at once", async () => {
    const queue = new Queue(queues.messages.name, { connection: redis, prefix: partitionPrefix(prefix, 0) });
    await queue.add("batch", { nonsense: true }, { attempts: 5 });
    consume(0, () => Promise.reject(new Error("never called")));
    await eventually(async () => {
      expect(await queue.getFailedCount()).to.equal(1);
    });
    expect(lines).to.have.length(1);
    expect(JSON.stringify(lines[0])).to.include("does not match the queue's schema");
    await queue.close();
  });

  it("reports in a message for the operator that Redis is unavailable", async () => {
    const unavailable = connectForRequests({ url: "redis://127.0.0.1:1" }, "test");
    const error = await whenReady(unavailable, 200).catch((reason: unknown) => reason);
    unavailable.disconnect();
    expect(error)
      .to.be.instanceOf(Error)
      .with.property("message")
      .that.includes("Check REDIS_URL and that the server is running.");
  });
});
