import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLiveSignals, partitionOf } from "@confab/pending";
import { connectForRequests, whenReady, type RedisConnection } from "@confab/redis";
import { eventually, startRedis, startRedisCluster, uniquePrefix, useForAll, type RedisCluster } from "@confab/testkit";
import { expect } from "chai";
import { createWorld, send } from "./world.ts";

describe("the signals of live streams", function () {
  this.timeout(60_000);

  describe("on one server", () => {
    const world = useForAll(createWorld);

    const subscribers = async (redis: RedisConnection) => {
      const [, count] = (await redis.call("PUBSUB", "SHARDNUMSUB", `${world.prefix}live`)) as [string, number];
      return count;
    };

    it("follow each accepted batch of the chats that are watched, and cost no subscription otherwise", async () => {
      const side = await world.connect();
      const [chat, other] = [await world.createChat(), await world.createChat()];
      const signals = createLiveSignals(side.redis, world.partitioning);
      try {
        expect(await subscribers(side.redis)).to.equal(0);
        let woken = 0;
        const unwatch = signals.watch(chat, () => (woken += 1));
        await eventually(async () => expect(await subscribers(side.redis)).to.equal(1));
        await eventually(() => expect(woken, "a look after the subscription").to.be.above(0));
        const before = woken;
        const acceptor = side.acceptor();
        await send(acceptor, other, "not for this chat");
        await send(acceptor, chat, "one", "two");
        await eventually(() => expect(woken).to.equal(before + 2));
        await signals.send(chat);
        await eventually(() => expect(woken).to.equal(before + 3));
        unwatch();
        await eventually(async () => expect(await subscribers(side.redis)).to.equal(0));
        await send(acceptor, chat, "three");
        expect(woken).to.equal(before + 3);
        await world.store(side);
      } finally {
        signals.stop();
      }
    });

    it("are not needed to accept a message: a user without rights on the channel is served as others are", async () => {
      const side = await world.connect();
      await side.redis.call("ACL", "SETUSER", "mute", "on", ">secret", "~*", "+@all", "resetchannels");
      const url = new URL(world.server.url);
      [url.username, url.password] = ["mute", "secret"];
      const mute = await world.connect({ url: url.href });
      const chat = await world.createChat();
      expect(await send(mute.acceptor(), chat, "one", "two")).to.deep.equal([1, 2]);
      expect((await side.pending.head(chat))?.last).to.equal(2);
      await world.store(side);
    });

    it("arrive after the message can be read", async () => {
      const side = await world.connect();
      const chat = await world.createChat();
      const signals = createLiveSignals(side.redis, world.partitioning);
      try {
        const acceptor = side.acceptor();
        const seen: Promise<number | undefined>[] = [];
        signals.watch(chat, () => seen.push(side.pending.head(chat).then((head) => head?.last)));
        await eventually(() => expect(seen).to.have.length.above(0));
        seen.length = 0;
        for (let number = 1; number <= 50; number += 1) {
          await send(acceptor, chat, `message ${number}`);
          await eventually(() => expect(seen).to.have.length(number));
        }
        expect(await Promise.all(seen)).to.deep.equal(Array.from({ length: 50 }, (_, at) => at + 1));
        await world.store(side);
      } finally {
        signals.stop();
      }
    });
  });

  it("make watchers look again when Redis comes back, since signals were missed", async () => {
    const dir = await mkdtemp(join(tmpdir(), "confab-live-"));
    let server = await startRedis({ dir });
    const redis = connectForRequests({ url: server.url }, "live");
    redis.on("error", () => undefined);
    const signals = createLiveSignals(redis, { prefix: "live", partitions: 1 });
    try {
      await whenReady(redis, 5_000);
      let woken = 0;
      signals.watch({ token: "t", number: 1 }, () => (woken += 1));
      await eventually(() => expect(woken).to.be.above(0));
      const before = woken;
      await server.kill();
      server = await startRedis({ dir, port: server.port });
      await eventually(() => expect(woken).to.be.above(before));
      await eventually(async () => {
        const last = woken;
        await signals.send({ token: "t", number: 1 });
        await eventually(() => expect(woken).to.be.above(last), { timeoutMs: 500 });
      });
    } finally {
      signals.stop();
      redis.disconnect();
      await server.kill();
      await rm(dir, { recursive: true, force: true });
    }
  });

  it("reach the chats of every partition of a Redis Cluster", async () => {
    const dir = await mkdtemp(join(tmpdir(), "confab-live-"));
    const cluster: RedisCluster = await startRedisCluster({ dir });
    const redis = connectForRequests({ url: cluster.nodes[0]!.url, cluster: true }, "live");
    redis.on("error", () => undefined);
    const partitioning = { prefix: uniquePrefix("live"), partitions: 6 };
    const signals = createLiveSignals(redis, partitioning);
    try {
      await whenReady(redis, 5_000);
      const woken = new Map<number, number>();
      const chats = Array.from({ length: 24 }, (_, at) => ({ token: "t", number: at + 1 }));
      expect(new Set(chats.map(({ token, number }) => partitionOf(partitioning, token, number))).size).to.equal(6);
      for (const chat of chats) {
        signals.watch(chat, () => woken.set(chat.number, (woken.get(chat.number) ?? 0) + 1));
      }
      await eventually(() => expect(woken.size, "each was woken by its subscription").to.equal(24));
      await eventually(async () => {
        woken.clear();
        for (const chat of chats) await signals.send(chat);
        await eventually(() => expect(woken.size).to.equal(24), { timeoutMs: 1_000 });
      });
    } finally {
      signals.stop();
      redis.disconnect();
      await cluster.stop();
      await rm(dir, { recursive: true, force: true });
    }
  });
});
