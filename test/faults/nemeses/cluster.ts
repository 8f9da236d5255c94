import { partitionPrefix } from "@confab/redis";
import { eventually } from "@confab/testkit";
import { onRedis } from "./redis-command.ts";
import { partitionsOfCluster } from "../world/redis.ts";
import { usual, type Fault, type Scene } from "../scene.ts";
import type { World } from "../world/world.ts";

/** Faults in which Redis servers change their roles under load. */
export const clusterFaults: readonly Fault[] = [
  {
    name: "redis-failover",
    title: "The master of Redis is killed and Sentinels promote a replica; one replica confirms each message",
    redis: "sentinels",
    env: { all: { REDIS_MIN_REPLICAS: "1" } },
    expectations: { ...usual, staleReads: true, recoverWithinMs: 20_000 },
    async run({ world, random, during, accepted }) {
      const sentinels = world.sentinels!;
      await accepted(random.between(1, 30));
      await during("failover by Sentinels", async () => {
        const before = await sentinels.master();
        await before.kill();
        await eventually(
          async () => {
            if ((await sentinels.master()) === before) throw new Error("the Sentinels have not promoted a replica");
          },
          { timeoutMs: 30_000, intervalMs: 100 },
        );
        // The server restarts as a replica.
        await before.start();
      });
    },
  },
  {
    name: "redis-failover-planned",
    title: "Sentinels replace a running master; both replicas confirm each message",
    redis: "sentinels",
    env: { all: { REDIS_MIN_REPLICAS: "2" } },
    expectations: { ...usual, staleReads: true, recoverWithinMs: 20_000 },
    async run({ world, random, during, accepted }) {
      await accepted(random.between(1, 30));
      await during("SENTINEL FAILOVER", async () => {
        await world.sentinels!.failover();
      });
    },
  },
  {
    name: "slot-moved",
    title: "A slot of a Redis Cluster moves to another master while its chats are written to",
    redis: "cluster",
    chats: 6,
    expectations: { ...usual, staleReads: true, recoverWithinMs: 10_000 },
    async run(scene) {
      const partition = scene.random.between(0, partitionsOfCluster - 1);
      await scene.during(`the slot of partition ${partition} moves`, () => moveSlot(scene, partition));
    },
  },
  {
    name: "cluster-master-killed",
    title: "A master of a Redis Cluster is killed and restarts from its append-only file",
    redis: "cluster",
    chats: 6,
    expectations: { ...usual, staleReads: true, recoverWithinMs: 10_000 },
    async run({ world, random, during, pause, accepted }) {
      const node = random.pick(world.cluster!.nodes);
      await during("SIGKILL of a master", async () => {
        await accepted(random.between(1, 30));
        await node.kill();
        await pause(random.between(200, 1_500));
        await node.start();
      });
    },
  },
];

interface Member {
  readonly id: string;
  readonly url: string;
  readonly port: number;
}

/** Moves a few keys at a time, like `redis-cli --cluster reshard`. */
async function moveSlot({ world, random, pause }: Scene, partition: number): Promise<void> {
  const members = await membersOf(world);
  const [slot, owner] = await onRedis(members[0]!.url, async (redis) => {
    const found = Number(await redis.call("CLUSTER", "KEYSLOT", `${partitionPrefix(world.keyPrefix, partition)}:x`));
    const ranges = (await redis.call("CLUSTER", "SLOTS")) as [number, number, [string, number, string]][];
    return [found, ranges.find(([from, to]) => from <= found && found <= to)![2][2]];
  });
  const source = members.find(({ id }) => id === owner)!;
  const target = random.pick(members.filter(({ id }) => id !== owner));
  const ask = (member: Member, ...command: readonly [string, ...(string | number)[]]) =>
    onRedis(member.url, (redis) => redis.call(...command));

  await ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", source.id);
  await ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", target.id);
  for (;;) {
    const keys = (await ask(source, "CLUSTER", "GETKEYSINSLOT", slot, 10)) as string[];
    if (keys.length === 0) break;
    const migrate = (...more: string[]) =>
      ask(source, "MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, ...more, "KEYS", ...keys);
    // A key may already exist on both sides, and only one copy can be kept.
    await migrate().catch(() => migrate("REPLACE"));
    await pause(random.between(5, 40));
  }
  for (const member of [target, source, ...members.filter((each) => each !== target && each !== source)])
    await ask(member, "CLUSTER", "SETSLOT", slot, "NODE", target.id);
}

async function membersOf(world: World): Promise<Member[]> {
  return Promise.all(
    world.cluster!.nodes.map(async ({ url, port }) => ({
      url,
      port,
      id: String(await onRedis(url, (redis) => redis.call("CLUSTER", "MYID"))),
    })),
  );
}
