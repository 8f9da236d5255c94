import { exit } from "node:process";
import { confab, plain } from "./designs.ts";
import { help, readOptions, type Options } from "./options.ts";
import { measureAccepting, measureDraining } from "./phases.ts";
import { describeMachine, summarise, table, type Round } from "./report.ts";
import { createWorld, type World } from "./world.ts";

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

async function measureAndPrint(options: Options): Promise<void> {
  const world = await createWorld(process.env);
  // The services end with this process, but the database on a given server and the temporary folder would stay.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void world.close().finally(() => exit(130)));
  }
  try {
    const machine = describeMachine(world);
    const rounds = await measureAll(world, options);
    const summary = summarise(rounds);
    if (options.json) console.log(JSON.stringify({ machine, options, summary, rounds }, undefined, 2));
    else {
      const settings = Object.entries(machine).map(([name, value]) => `${name}: ${value}`);
      console.log(`\n${settings.join(" · ")}\n\n${table(summary)}`);
    }
    if (rounds.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
  } finally {
    await world.close();
  }
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(help);
  else await measureAndPrint(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
