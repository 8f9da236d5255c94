import { exit } from "node:process";
import { describeMachine, median, show, tableOf } from "./report.ts";
import { readStreamOptions, streamHelp, type StreamOptions } from "./stream-options.ts";
import { measureStreams, type StreamRound } from "./stream-round.ts";
import { createWorld } from "./world.ts";

async function measureAndPrint(options: StreamOptions): Promise<void> {
  const world = await createWorld(process.env);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void world.close().finally(() => exit(130)));
  }
  try {
    const machine = describeMachine(world);
    const rounds: StreamRound[] = [];
    for (let round = 1; round <= options.rounds; round += 1) {
      const measured = await measureStreams(world, options);
      rounds.push(measured);
      const { faults } = measured;
      console.error(`round ${round}: ${faults.length === 0 ? "verified" : `VOID: ${faults.join("; ")}`}`);
    }
    const verified = rounds.filter(({ faults }) => faults.length === 0);
    const summary = Object.keys(rounds[0]?.figures ?? {}).map((figure) => ({
      figure,
      median: median(verified.map(({ figures }) => figures[figure]!)),
    }));
    if (options.json) console.log(JSON.stringify({ machine, options, summary, rounds }, undefined, 2));
    else {
      const settings = Object.entries(machine).map(([name, value]) => `${name}: ${value}`);
      const heading = [`median, ${options.readers.toLocaleString("en")} readers of one chat`, ""];
      const rows = summary.map(({ figure, median }) => [figure.trimEnd(), show(median)]);
      console.log(`\n${settings.join(" · ")}\n\n${tableOf([heading, ...rows])}`);
    }
    if (verified.length < rounds.length) process.exitCode = 1;
  } finally {
    await world.close();
  }
}

try {
  const options = readStreamOptions(process.argv.slice(2));
  if (options.help) console.log(streamHelp);
  else await measureAndPrint(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
