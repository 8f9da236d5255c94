import { createClient } from "../load/client.ts";
import { createHttp } from "../load/http.ts";
import { usual, type Fault, type Scene } from "../scene.ts";
import { withOwnClocks } from "./clocks.ts";

const writing = ["anna", "ben", "carla", "dan"];
/** These readers never write. The first one stops reading before it is erased. */
const [reader, persistentReader] = ["rita", "rosa"] as const;
const rounds = 6;

/** Faults in which senders are erased. */
export const senderFaults: readonly Fault[] = [
  {
    name: "senders-erased",
    title: "Senders are erased while they write, read and edit; the clocks of the processes are two seconds apart",
    topology: { api: 2 },
    senders: writing,
    // Each erasure changes a quarter of the written messages. More messages would only delay the search index.
    pace: { pauseMs: 120 },
    expectations: usual,
    ...withOwnClocks(["ingest", "api", "worker"], (process) => (process.endsWith("-1") ? "+1s" : "-1s")),
    async run(scene) {
      const { world, random, recorder, during, pause } = scene;
      const http = createHttp(() => recorder.now());
      const client = createClient("registrar", http, recorder);
      const application = world.applications[0]!;
      const erase = async (sender: string) => {
        for (let tries = 0; tries < 10; tries += 1) {
          const { outcome } = await client.eraseSender(random.pick(world.of("api")), application, sender);
          if (outcome === "ok") return;
          await pause(200);
        }
        throw new Error(`the erasure of ${sender} was not acknowledged`);
      };
      const reading = startReading(scene, [...writing, persistentReader]);
      const ending = startReading(scene, [reader]);
      const links = world.links("worker", "mysql");
      await during("senders erased", async () => {
        for (let round = 0; round < rounds; round += 1) {
          // With paused links, some of the sender's messages are pending during the erasure.
          if (round % 3 === 1) for (const link of links) link.pause("requests");
          await pause(random.between(200, 900));
          await erase(random.pick(writing));
          await pause(random.between(0, 300));
          for (const link of links) link.resume();
        }
        await ending.stop();
        await erase(reader);
        await erase(persistentReader);
      });
      await pause(1_500);
      await reading.stop();
      http.close();
    },
  },
];

/** Starts moving the horizons of these readers, in random chats of the first application, until `stop` is called. */
function startReading({ world, random, recorder, pause }: Scene, readers: readonly string[]) {
  const http = createHttp(() => recorder.now());
  const client = createClient("horizons", http, recorder);
  const application = world.applications[0]!;
  const over = new AbortController();
  const ended = (async () => {
    while (!over.signal.aborted) {
      const chat = random.pick(application.chats);
      const via = random.pick(world.of("api"));
      const page = await client.list(via, application, chat, { descending: true, limit: 1 });
      const last = page.items?.[0]?.[0];
      if (last !== undefined)
        await client.moveHorizon(random.pick(world.of("api")), application, chat, random.pick(readers), last);
      await pause(random.between(80, 200));
    }
  })();
  return {
    async stop(): Promise<void> {
      over.abort();
      await ended;
      http.close();
    },
  };
}
