import { onRedis } from "./redis-command.ts";
import { usual, type Fault, type Scene } from "../scene.ts";
import type { ServiceName } from "../world/process.ts";

const services = ["ingest", "api", "worker"] as const satisfies readonly ServiceName[];
/** The command that turns a connection into a subscriber. */
const subscription = "ssubscribe";
/** While Redis is unavailable, and until every process has reconnected, lists show only stored messages. */
const withoutRedis = { ...usual, staleReads: true };

const toRedis = ({ world }: Scene, ...of: readonly ServiceName[]) =>
  of.flatMap((service) => world.links(service, "redis"));

/** Faults in which Redis, or the connection to it, dies and returns with all its data. */
export const redisFaults: readonly Fault[] = [
  {
    name: "redis-killed",
    title: "Redis is killed and restarts from its append-only file",
    expectations: withoutRedis,
    async run({ world, random, during, pause, accepted }) {
      await during("SIGKILL of Redis", async () => {
        await accepted(random.between(1, 30));
        await world.redis.kill();
        await pause(random.between(100, 1_500));
        await world.redis.start();
      });
    },
  },
  {
    name: "redis-answer-lost",
    title: "Connections to Redis are reset after it has accepted a batch, and the batch is sent again",
    expectations: withoutRedis,
    async run({ world, random, during, pause }) {
      const { canary } = random.pick(world.applications);
      await during("answers of Redis lost", async () => {
        const lost = world.links("ingest", "redis").map((link) => link.intercept(canary, "reset-after", { times: 5 }));
        await Promise.race([Promise.all(lost.map(({ happened }) => happened)), pause(5_000)]);
        await pause(1_500);
        for (const interception of lost) interception.end();
      });
    },
  },
  {
    name: "redis-partitioned",
    title: "No data passes between ingest and Redis for six seconds",
    expectations: { ...usual, bites: ["send"] },
    async run(scene) {
      const links = toRedis(scene, "ingest");
      await scene.during("ingest is partitioned from Redis", async () => {
        for (const link of links) link.pause();
        await scene.pause(6_000);
        for (const link of links) link.resume();
      });
    },
  },
  {
    name: "redis-unavailable",
    title: "Redis is unavailable five times as long as BullMQ waits for a job",
    expectations: { ...withoutRedis, bites: ["send"] },
    async run(scene) {
      const links = toRedis(scene, ...services);
      await scene.during("Redis unavailable", async () => {
        await Promise.all(links.map((link) => link.cut()));
        await scene.pause(26_000);
        await Promise.all(links.map((link) => link.restore()));
      });
    },
  },
  {
    name: "api-without-redis",
    title: "The api is cut off from Redis while a chat is deleted, whose messages ingest continues accepting",
    expectations: withoutRedis,
    async run(scene) {
      const links = toRedis(scene, "api");
      await scene.during("the api cut off from Redis", async () => {
        await Promise.all(links.map((link) => link.cut()));
        // The load deletes the chat during this pause.
        await scene.pause(5_000);
        await Promise.all(links.map((link) => link.restore()));
      });
    },
  },
  {
    name: "redis-dead-peer",
    title: "The connections of ingest and api to Redis are dead, without a reset; nobody repairs them",
    expectations: { ...withoutRedis, recoverWithinMs: 15_000 },
    async run(scene) {
      await scene.during("connections to Redis stranded", async () => {
        for (const link of toRedis(scene, "ingest", "api")) link.freeze();
        await scene.pause(100);
      });
      await scene.pause(15_000);
    },
  },
  {
    name: "subscribers-silent",
    title: "The api's subscribing connections to Redis are dead, without a reset; nobody repairs them",
    topology: { api: 2 },
    // A subscriber is replaced after 4.5 s of silence. Without a subscriber, streams check for messages at least every
    // six seconds.
    expectations: { ...usual, recoverWithinMs: 6_000, streamedWithinMs: 3_000 },
    async run(scene) {
      const links = toRedis(scene, "api");
      await scene.during("subscribing connections of the api stranded", async () => {
        for (const link of links) link.freeze(subscription);
        for (const link of links) link.thaw();
        await scene.pause(100);
      });
      await scene.pause(16_000);
    },
  },
  {
    name: "worker-redis-half-open",
    title: "The workers' connections to Redis are dead, without a reset; nobody repairs them",
    expectations: usual,
    async run(scene) {
      await scene.during("workers' connections to Redis stranded", async () => {
        for (const link of toRedis(scene, "worker")) link.freeze();
        await scene.pause(100);
      });
    },
  },
  {
    name: "redis-full",
    title: "Redis runs out of memory while MySQL is unavailable",
    expectations: { ...withoutRedis, recoverWithinMs: 8_000, bites: ["send"] },
    pace: { fillerBytes: 6_000 },
    async run(scene) {
      const { world } = scene;
      const links = services.flatMap((service) => world.links(service, "mysql"));
      await scene.during("Redis full, MySQL unavailable", async () => {
        await Promise.all(links.map((link) => link.cut()));
        await onRedis(world.redis.url, async (redis) => {
          const used = Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);
          await redis.config("SET", "maxmemory", String(Math.ceil((used + 200_000) / 0.6)));
        });
        await scene.pause(6_000);
        await Promise.all(links.map((link) => link.restore()));
        // Redis must drain while it is full, because nothing else frees memory.
        await scene.pause(4_000);
        await onRedis(world.redis.url, (redis) => redis.config("SET", "maxmemory", "0"));
      });
    },
  },
];
