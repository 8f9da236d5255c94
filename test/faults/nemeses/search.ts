import { usual, type Fault } from "../scene.ts";

/** The index is away; nothing but searching may notice. */
export const searchFaults: readonly Fault[] = [
  {
    name: "elasticsearch-away",
    title: "Elasticsearch is unavailable for eight seconds",
    expectations: { ...usual, bites: ["search"] },
    async run({ world, during, pause }) {
      const links = [...world.links("worker", "search"), ...world.links("api", "search")];
      await during("Elasticsearch unavailable", async () => {
        await Promise.all(links.map((link) => link.cut()));
        await pause(8_000);
        await Promise.all(links.map((link) => link.restore()));
      });
    },
  },
];
