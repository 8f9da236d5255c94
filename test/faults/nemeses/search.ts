import { usual, type Fault, type Scene } from "../scene.ts";
import { workerNoticed } from "./noticed.ts";

const brokenMs = 8_000;

/** Faults in which the index is unavailable or accepts no writes. Only searches may be affected. */
export const searchFaults: readonly Fault[] = [
  {
    name: "elasticsearch-unavailable",
    title: "Elasticsearch is unavailable for eight seconds",
    expectations: { ...usual, bites: ["search"] },
    async run({ world, during, pause }) {
      const links = [...world.links("worker", "search"), ...world.links("api", "search")];
      await during("Elasticsearch unavailable", async () => {
        await Promise.all(links.map((link) => link.cut()));
        await pause(brokenMs);
        await Promise.all(links.map((link) => link.restore()));
      });
    },
  },
  {
    name: "elasticsearch-killed",
    title: "Elasticsearch is killed and restarts with its data",
    expectations: { ...usual, bites: ["search"] },
    async run({ world, random, during, pause }) {
      await during("SIGKILL of Elasticsearch", async () => {
        await pause(random.between(0, 300));
        if (world.elasticsearch === undefined) throw new Error("this fault needs an Elasticsearch of the suite");
        await world.elasticsearch.kill();
        await pause(random.between(100, 2_000));
        await world.elasticsearch.start();
      });
    },
  },
  {
    name: "elasticsearch-full",
    title: "The disk of Elasticsearch is full: it answers searches, and refuses writes with 429",
    expectations: usual,
    async run(scene) {
      // Elasticsearch itself sets this block when the disk is almost full.
      const block = (blocked: true | null) =>
        ask(scene, "PUT", `${indexOf(scene)}*/_settings`, { "index.blocks.read_only_allow_delete": blocked });
      await scene.during("index read-only", async () => {
        await block(true);
        await scene.pause(brokenMs);
        await workerNoticed(scene.world, /indexing is paused/);
        await block(null);
      });
    },
  },
  {
    name: "elasticsearch-red",
    title: "The shards of the index are not allocated: it is red",
    expectations: { ...usual, bites: ["search"] },
    async run(scene) {
      const allocate = (which: "none" | null) =>
        ask(scene, "PUT", "_cluster/settings", { transient: { "cluster.routing.allocation.enable": which } });
      scene.world.onStop(() => allocate(null));
      await scene.during("index red", async () => {
        await allocate("none");
        const [name] = Object.keys(await ask(scene, "GET", `_alias/${indexOf(scene)}`));
        await ask(scene, "POST", `${name}/_close`);
        await ask(scene, "POST", `${name}/_open?wait_for_active_shards=0`);
        await scene.pause(brokenMs);
        await workerNoticed(scene.world, /indexing is paused/);
        await allocate(null);
      });
    },
  },
];

function indexOf({ world }: Scene): string {
  if (world.index === undefined) throw new Error("this fault needs Elasticsearch");
  return world.index.alias;
}

async function ask({ world }: Scene, method: string, path: string, body?: object): Promise<object> {
  const answer = await fetch(`${world.index!.url}/${path}`, {
    method,
    headers: { "content-type": "application/json" },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as object;
}
