import { createClient, type Letter } from "../load/client.ts";
import { createHttp } from "../load/http.ts";
import { usual, type Fault, type Scene } from "../scene.ts";

/** Faults in which nothing breaks: there is a lot of work, or processes stop on purpose. */
export const loadFaults: readonly Fault[] = [
  {
    name: "stopped-under-load",
    title: "One process after another receives SIGTERM under load and is restarted",
    topology: { api: 2 },
    env: { all: { SHUTDOWN_DRAIN_DELAY: "1500ms" } },
    expectations: { ...usual, noFailures: true },
    async run({ world, during, pause }) {
      await during("SIGTERM of every process in turn", async () => {
        for (const process of world.processes) {
          if (process.service === "worker") continue;
          await process.stop();
          await process.start();
          await pause(200);
        }
        for (const worker of world.of("worker")) {
          await worker.stop();
          await worker.start();
        }
      });
    },
  },
  {
    name: "overload",
    title: "Two hundred clients send at once while MySQL is slow, and only a few messages may be pending",
    env: { ingest: { MAX_PENDING: "400" } },
    expectations: { ...usual, recoverWithinMs: 10_000, bites: ["send"] },
    async run(scene) {
      const links = scene.world.links("worker", "mysql");
      await scene.during("overload", async () => {
        for (const link of links) link.delay(150);
        await burst(scene, { clients: 200, each: 8, bytes: 200 });
        for (const link of links) link.delay(0);
      });
    },
  },
  {
    name: "large-messages",
    title: "Three hundred messages of 60 KiB are pending when the workers start",
    expectations: { ...usual, recoverWithinMs: 10_000 },
    async run(scene) {
      await scene.during("large messages, no worker", async () => {
        for (const worker of scene.world.of("worker")) await worker.stop();
        await burst(scene, { clients: 15, each: 20, bytes: 60_000 });
        for (const worker of scene.world.of("worker")) await worker.start();
      });
    },
  },
  {
    name: "slow-api",
    title: "For one of two api processes, every round trip to a store takes 0.2 s longer",
    topology: { api: 2 },
    expectations: usual,
    async run({ world, during, pause }) {
      const slow = world.of("api")[0]!;
      const links = (["redis", "mysql", "search"] as const).flatMap((store) => world.links(slow, store));
      await during("one api process is slow", async () => {
        for (const link of links) link.delay(100);
        await pause(8_000);
        for (const link of links) link.delay(0);
      });
    },
  },
];

async function burst(
  { world, recorder, random }: Scene,
  { clients, each, bytes }: { readonly clients: number; readonly each: number; readonly bytes: number },
): Promise<void> {
  const http = createHttp(() => recorder.now());
  const [application] = world.applications;
  await Promise.all(
    Array.from({ length: clients }, async (_, index) => {
      const client = createClient(`burst${String(index).padStart(3, "0")}`, http, recorder);
      for (let counter = 0; counter < each; counter += 1) {
        const chat = random.pick(application!.chats);
        const uid = `${application!.label}.${chat}.${client.name}.${String(counter).padStart(5, "0")}`;
        const body = `${uid} ${application!.canary} ${"large ".repeat(Math.floor(bytes / 6))}end`;
        const letter: Letter = { application: application!, chat, uid, body, key: uid };
        await client.send(world.of("ingest")[index % 2]!, letter, 1);
      }
    }),
  );
  http.close();
}
