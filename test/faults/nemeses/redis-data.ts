import { appendFile, open, readdir, readFile, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { startRedis } from "@confab/testkit";
import { keysOf, onRedis } from "./redis-command.ts";
import { usual, type Fault, type Scene } from "../scene.ts";

const lossy = { ...usual, loses: true, staleReads: true };

/** Faults in which Redis loses some of its data. */
export const redisDataFaults: readonly Fault[] = [
  {
    name: "redis-flushed",
    title: "FLUSHALL with batches in flight, three times",
    expectations: lossy,
    async run({ world, random, during, pause, accepted }) {
      for (let round = 0; round < 3; round += 1) {
        await accepted(random.between(5, 60));
        const flush = async () => {
          await onRedis(world.redis.url, (redis) => redis.flushall());
        };
        await during("FLUSHALL", flush, { loses: true });
        await pause(random.between(300, 1_500));
      }
    },
  },
  {
    name: "redis-torn-tail",
    title: "Redis is killed in the middle of a write: its append-only file ends with half a command",
    expectations: { ...usual, staleReads: true },
    async run(scene) {
      await whileRedisIsDown(scene, "SIGKILL of Redis, torn append-only file", async (file) => {
        await appendFile(file, "*3\r\n$3\r\nSET\r\n$9\r\nunwritten\r\n$1000\r\nhalf of it");
      });
    },
  },
  {
    name: "redis-cut-tail",
    title: "Redis is killed and the end of its append-only file is lost",
    expectations: lossy,
    async run(scene) {
      const lost = scene.random.between(1, 20_000);
      await whileRedisIsDown(
        scene,
        `SIGKILL of Redis, ${lost} bytes of its append-only file cut off`,
        async (file) => {
          const { size } = await stat(file);
          await truncate(file, Math.max(0, size - lost));
        },
        { loses: true },
      );
    },
  },
  {
    name: "redis-promoted",
    title: "The master of Redis dies and a replica that may lag is promoted",
    expectations: lossy,
    async run({ world, random, during, pause, accepted }) {
      const replica = await startRedis({
        dir: join(world.dir, "replica"),
        args: ["--replicaof", "127.0.0.1", String(world.redis.port)],
      });
      world.onStop(() => replica.kill());
      await pause(1_500);
      await accepted(random.between(1, 30));
      await during(
        "failover to a replica",
        async () => {
          await world.redis.kill();
          await pause(random.between(100, 1_000));
          await onRedis(replica.url, (redis) => redis.replicaof("NO", "ONE"));
          for (const service of ["ingest", "api", "worker"] as const)
            for (const link of world.links(service, "redis")) link.retarget(replica.url);
        },
        { loses: true },
      );
    },
  },
  {
    name: "heads-expire",
    title: "Chat heads expire while their messages wait for MySQL",
    expectations: usual,
    async run({ world, random, during, pause, accepted }) {
      const links = world.links("worker", "mysql");
      await during("MySQL unavailable to the workers, heads expire", async () => {
        await Promise.all(links.map((link) => link.cut()));
        await accepted(random.between(20, 100));
        await onRedis(world.redis.url, async (redis) => {
          for (const key of await keysOf(redis, `${world.keyPrefix}:*head:*`)) await redis.pexpire(key, 1);
        });
        await accepted(random.between(1, 40));
        await Promise.all(links.map((link) => link.restore()));
        // The keys expire again while the backlog is being stored.
        for (let again = 0; again < 5; again += 1) {
          await pause(random.between(10, 150));
          await onRedis(world.redis.url, async (redis) => {
            for (const key of await keysOf(redis, `${world.keyPrefix}:*head:*`)) await redis.pexpire(key, 1);
          });
        }
      });
    },
  },
  {
    name: "redis-bit-flip",
    title: "A bit flips in the append-only file while Redis is down: the damage is reported, never silent",
    // The damaged message becomes a dead letter.
    expectations: { ...lossy, deadLetters: true },
    async run(scene) {
      const { world, random } = scene;
      const links = world.links("worker", "mysql");
      // After the cut, the end of the file contains pending messages.
      await Promise.all(links.map((link) => link.cut()));
      await scene.accepted(100);
      await whileRedisIsDown(
        scene,
        "SIGKILL of Redis, a bit of its append-only file flips",
        async (file) => {
          const bytes = await readFile(file);
          // The damage is inside a message body. Redis itself notices a command with a broken format.
          const at = bytes.lastIndexOf(random.pick(world.applications).canary);
          if (at < 0) throw new Error("the append-only file of Redis holds no message");
          const handle = await open(file, "r+");
          await handle.write(Buffer.from([bytes[at]! ^ 1]), 0, 1, at);
          await handle.close();
        },
        { loses: true },
      );
      await Promise.all(links.map((link) => link.restore()));
    },
  },
];

async function whileRedisIsDown(
  { world, random, during, accepted }: Scene,
  what: string,
  work: (file: string) => Promise<void>,
  options?: { loses: boolean },
): Promise<void> {
  await during(
    what,
    async () => {
      await accepted(random.between(5, 60));
      await world.redis.kill();
      const folder = join(world.dir, "redis", "data", "appendonlydir");
      const files = (await readdir(folder)).filter((name) => name.endsWith(".incr.aof")).sort();
      await work(join(folder, files.at(-1)!));
      await world.redis.start();
    },
    options,
  );
}
