import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { dashboards } from "../../src/index.ts";
import { drawPicture } from "../../src/pictures/picture.ts";
import type { FaultWorld } from "./faults.ts";
import { startLoad } from "./load.ts";
import { writeShortRules } from "./short-rules.ts";
import { startWorld } from "./world.ts";

const folder = join(import.meta.dirname, "../../../../docs/pictures");

/** Faults that an operator finds on the dashboards; each is drawn while it lasts. */
const scenes: readonly {
  readonly name: string;
  /** By their uids. */
  readonly shown: readonly string[];
  readonly seconds: number;
  begin(world: FaultWorld): Promise<() => Promise<void>>;
}[] = [
  {
    name: "worker-stopped",
    shown: ["confab-overview", "confab-queue"],
    seconds: 90,
    async begin({ installation }) {
      await installation.services.worker.stop();
      return () => installation.services.worker.start();
    },
  },
  {
    name: "search-stopped",
    shown: ["confab-overview", "confab-queue"],
    seconds: 140,
    async begin({ elasticsearch }) {
      await elasticsearch.stop();
      return () => elasticsearch.start();
    },
  },
  {
    name: "loud-application",
    shown: ["confab-overview"],
    seconds: 75,
    async begin({ installation: { ingest, api } }) {
      const quiet = await Promise.all([startLoad(ingest, api, 2), startLoad(ingest, api, 2)]);
      const loud = await startLoad(ingest, api, 5);
      const ended = new AbortController();
      const shouting = (async () => {
        while (!ended.signal.aborted) {
          await loud.send(40);
          await sleep(100);
        }
      })();
      return async () => {
        ended.abort();
        await shouting;
        for (const load of [...quiet, loud]) await load.stop();
      };
    },
  },
  {
    name: "redis-nearly-full",
    shown: ["confab-overview", "confab-runtime"],
    seconds: 60,
    async begin({ redis }) {
      const used = Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);
      await redis.config("SET", "maxmemory", String(Math.round(used / 0.57)));
      return async () => {
        await redis.config("SET", "maxmemory", "256mb");
      };
    },
  },
];

// Without names all are drawn, and before them each dashboard of a healthy Confab.
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !scenes.some((scene) => scene.name === name));
if (unknown.length > 0) {
  throw new Error(`no such scene: ${unknown.join(", ")}; there are ${scenes.map(({ name }) => name).join(", ")}`);
}

const rules = await writeShortRules();
// One application may send 100 messages a second, so that a loud one is held back.
const world = await startWorld({ rules, env: { APPLICATION_MESSAGE_RATE: "100", APPLICATION_MESSAGE_BURST: "200" } });
try {
  const { prometheus } = world.installation;
  const draw = async (uid: string, name: string, minutes: number) => {
    const plan = dashboards.find((each) => each.uid === uid)!;
    await drawPicture(plan, { prometheus, minutes, file: join(folder, `${name}.png`) });
  };
  await sleep(100_000);
  if (wanted.length === 0) for (const { uid } of dashboards) await draw(uid, uid, 1.5);
  for (const scene of scenes.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const { name, shown, seconds } = scene;
    console.error(name);
    await sleep(15_000);
    const end = await scene.begin(world);
    try {
      await sleep(seconds * 1_000);
      for (const uid of shown) await draw(uid, `${name}-${uid.replace("confab-", "")}`, seconds / 60 + 0.6);
    } finally {
      await end();
    }
    await sleep(10_000);
  }
} finally {
  await world.stop();
}
