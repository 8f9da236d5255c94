import { usual, type Fault } from "../scene.ts";
import type { Expectations } from "../history/lines.ts";

const services = ["ingest", "api", "worker"] as const;

interface Store {
  readonly store: "redis" | "mysql" | "search";
  readonly title: string;
  /** Services whose new process must be ready before the store is available again. */
  readonly startWithout: readonly (typeof services)[number][];
  /** Effects that clients may see. */
  readonly expectations: Expectations;
}

const stores: readonly Store[] = [
  {
    store: "redis",
    title: "Redis",
    startWithout: ["api"],
    expectations: { ...usual, staleReads: true, bites: ["send"] },
  },
  { store: "mysql", title: "MySQL", startWithout: ["ingest"], expectations: { ...usual, bites: ["list"] } },
  { store: "search", title: "Elasticsearch", startWithout: services, expectations: { ...usual, bites: ["search"] } },
];

/**
 * Faults in which a process of each service is replaced while a store is unavailable, like in a node drain during an
 * outage.
 */
export const replacedFaults: readonly Fault[] = stores.map(({ store, title, startWithout, expectations }) => ({
  name: `replaced-without-${title.toLowerCase()}`,
  title: `One process of each service is killed and started again while ${title} is unavailable`,
  topology: { api: 2 },
  // A killed worker keeps its claim of an erasure for a minute.
  keepsChats: true,
  expectations: { ...expectations, recoverWithinMs: 10_000 },
  async run({ world, random, during, pause }) {
    const links = services.flatMap((service) => world.links(service, store));
    const victims = services.map((service) => random.pick(world.of(service)));
    await during(`${title} unavailable, processes replaced`, async () => {
      await Promise.all(links.map((link) => link.cut()));
      await Promise.all(victims.map((victim) => victim.kill()));
      const starts = victims.map((victim) => ({ service: victim.service, started: victim.start() }));
      await Promise.all(starts.flatMap((start) => (startWithout.includes(start.service) ? [start.started] : [])));
      await pause(random.between(2_000, 6_000));
      await Promise.all(links.map((link) => link.restore()));
      await Promise.all(starts.map(({ started }) => started));
    });
  },
}));
