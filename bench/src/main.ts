import { confab, plain } from "./designs.ts";
import { help, readOptions, type Options } from "./options.ts";
import { measureAccepting, measureDraining } from "./phases.ts";
import { summarise, table, type Round } from "./report.ts";
import { run } from "./run.ts";
import type { World } from "./world.ts";

async function measureAll(world: World, { rounds, seconds, connections, backlog }: Options): Promise<Round[]> {
  const results: Round[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const design of [confab, plain]) {
      const accepting = await measureAccepting(world, design, { connections, seconds });
      const draining = await measureDraining(world, design, {
        connections,
        backlog: design === confab ? backlog : Math.ceil(backlog / 4),
      });
      const faults = [...accepting.faults, ...draining.faults];
      const figures = { ...accepting.figures, ...draining.figures };
      results.push({ design: design.name, round, figures, faults });
      const [accepted, drained] = ["accepted", "drained"].map((name) =>
        Math.round(figures[`${name}, messages/s`] ?? 0),
      ) as [number, number];
      const verdict = faults.length === 0 ? "verified" : `VOID: ${faults.join("; ")}`;
      console.error(`round ${round}, ${design.name}: ${accepted} accepted/s, ${drained} drained/s, ${verdict}`);
    }
  }
  return results;
}

await run({
  help,
  readOptions,
  measure: measureAll,
  report(rounds) {
    const summary = summarise(rounds);
    return { summary, table: table(summary) };
  },
});
