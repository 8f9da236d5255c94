import { setTimeout as sleep } from "node:timers/promises";
import type { ShareSnapshot } from "@confab/async";
import { startProxy, testStores, uniquePrefix } from "@confab/testkit";
import { expect } from "chai";
import { Redis } from "ioredis";
import { createSnapshotSharing } from "../src/index.ts";

const intervalMs = 100;

describe("a value that all processes share", () => {
  const open: Redis[] = [];
  afterEach(() => {
    for (const redis of open.splice(0)) redis.disconnect();
  });
  const connect = (url = testStores().redisUrl): Redis => {
    const redis = new Redis(url, { maxRetriesPerRequest: 0, enableOfflineQueue: false });
    redis.on("error", () => undefined);
    open.push(redis);
    return redis;
  };
  const ready = (redis: Redis): Promise<unknown> => new Promise((resolve) => redis.once("ready", resolve));

  /**
   * Starts processes that poll a value every interval. Returns what each one got, and how often the store was read in
   * total.
   */
  async function start(count: number, { prefix = uniquePrefix("sharing"), version = "1" } = {}) {
    let reads = 0;
    const processes = await Promise.all(
      Array.from({ length: count }, async () => {
        const redis = connect();
        await ready(redis);
        const share: ShareSnapshot = createSnapshotSharing(redis, { prefix, version });
        const got: number[] = [];
        const poll = share("depth", intervalMs, () => Promise.resolve((reads += 1)));
        return {
          got,
          poll: async () => {
            const value = await poll();
            if (value !== undefined) got.push(value);
          },
        };
      }),
    );
    return { prefix, processes, reads: () => reads };
  }

  it("is read once per interval, however many processes poll it, and reaches each of them", async () => {
    const { processes, reads } = await start(20);
    const end = performance.now() + 10 * intervalMs;
    await Promise.all(
      processes.map(async ({ poll }, at) => {
        await sleep((at * intervalMs) / 20);
        while (performance.now() < end) {
          await poll();
          await sleep(intervalMs);
        }
      }),
    );
    // If twenty processes read by themselves, there would be about 200 reads.
    expect(reads()).to.be.within(4, 15);
    for (const { got } of processes) {
      expect(got.length).to.be.within(3, 15);
      expect(got, "each value once, in order").to.deep.equal([...new Set(got)].toSorted((a, b) => a - b));
    }
  });

  it("is read by another process within an interval after its reader died", async () => {
    const { processes, reads } = await start(2);
    const [first, second] = processes;
    await first!.poll();
    await second!.poll();
    expect(second!.got).to.deep.equal([1]);
    await sleep(intervalMs);
    await second!.poll();
    expect(second!.got).to.deep.equal([1, 2]);
    expect(reads()).to.equal(2);
  });

  it("is read in time although Redis' clock was set back, which prolongs all leases", async () => {
    const { prefix, processes } = await start(1);
    const [only] = processes;
    await only!.poll();
    const redis = connect();
    await ready(redis);
    const [lease] = await redis.keys(`${prefix}:*lease*`);
    await redis.set(lease!, "another process", "PX", 3_600_000);
    await sleep(intervalMs);
    await only!.poll();
    expect(only!.got).to.deep.equal([1, 2]);
  });

  it("is an error once nobody could read the store for three intervals", async () => {
    const redis = connect();
    await ready(redis);
    const share = createSnapshotSharing(redis, { prefix: uniquePrefix("sharing"), version: "1" });
    const failing = share("depth", intervalMs, () => Promise.reject(new Error("no answer")));
    const other = share("depth", intervalMs, () => Promise.resolve(1));
    expect(await failing().catch((error: unknown) => (error as Error).message)).to.equal("no answer");
    expect(await other(), "while another process tries").to.equal(undefined);
    for (let time = 0; time < 4; time += 1) {
      await sleep(intervalMs);
      await failing().catch(() => undefined);
    }
    expect(await other().catch((error: unknown) => (error as Error).message)).to.include("no process has read");
  });

  it("is read again after a reading that never ends", async () => {
    const redis = connect();
    await ready(redis);
    let reads = 0;
    const poll = createSnapshotSharing(redis, { prefix: uniquePrefix("sharing"), version: "1" })(
      "depth",
      intervalMs,
      () => (++reads === 1 ? new Promise<number>(() => undefined) : Promise.resolve(reads)),
    );
    expect(await poll().catch((error: unknown) => (error as Error).message)).to.include("not read in time");
    expect(await poll()).to.equal(2);
  });

  it("is not shared with another version, whose values may differ", async () => {
    const old = await start(1);
    const young = await start(1, { prefix: old.prefix, version: "2" });
    await old.processes[0]!.poll();
    await young.processes[0]!.poll();
    expect([old.reads(), young.reads()]).to.deep.equal([1, 1]);
  });

  it("is read by each process while Redis refuses or says nothing, if it comes from another store", async () => {
    const proxy = await startProxy({ target: testStores().redisUrl });
    try {
      const redis = connect(proxy.url);
      await ready(redis);
      let reads = 0;
      const share = createSnapshotSharing(redis, { prefix: uniquePrefix("sharing"), version: "1" });
      const read = () => Promise.resolve((reads += 1));
      const poll = share("rows", intervalMs, read, { readsAlone: true });
      const pollOfRedis = share("depth", intervalMs, read);
      await poll();
      proxy.pause();
      expect(await poll()).to.equal(2);
      expect(await pollOfRedis().catch((error: unknown) => (error as Error).message)).to.include("did not answer");
      proxy.resume();
      await proxy.cut();
      expect(await poll()).to.equal(3);
    } finally {
      await proxy.close();
    }
  });
});
