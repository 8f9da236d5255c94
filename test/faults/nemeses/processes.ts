import { usual, type Fault } from "../scene.ts";

/** Faults in which processes of Confab die. */
export const processFaults: readonly Fault[] = [
  {
    name: "worker-killed-before-commit",
    title: "A worker is killed after it has written a batch and before it commits",
    expectations: usual,
    async run({ world, random, during }) {
      const victim = random.pick(world.of("worker"));
      const commits = world.links(victim, "mysql").map((link) => link.intercept("COMMIT", "hold-request"));
      await during("SIGKILL of a worker before its COMMIT", async () => {
        await Promise.race(commits.map(({ happened }) => happened));
        await victim.kill();
      });
      for (const commit of commits) commit.end();
      await victim.start();
    },
  },
  {
    name: "worker-killed-after-commit",
    title: "A worker is killed after MySQL has committed a batch and before the worker knows",
    expectations: usual,
    async run({ world, random, during }) {
      const victim = random.pick(world.of("worker"));
      const commits = world.links(victim, "mysql").map((link) => link.intercept("COMMIT", "hold-answer"));
      await during("SIGKILL of a worker after its COMMIT", async () => {
        await Promise.race(commits.map(({ happened }) => happened));
        await victim.kill();
      });
      for (const commit of commits) commit.end();
      await victim.start();
    },
  },
  {
    name: "ingest-killed",
    title: "An ingest process is killed with batches in flight",
    expectations: usual,
    async run({ world, random, during, pause, accepted }) {
      const victim = random.pick(world.of("ingest"));
      await during("SIGKILL of an ingest process", async () => {
        await accepted(random.between(1, 30));
        await victim.kill();
        await pause(random.between(0, 1_000));
        await victim.start();
      });
    },
  },
];
