import { median, show, tableOf } from "./report.ts";
import { run } from "./run.ts";
import { readStreamOptions, streamHelp, type StreamOptions } from "./stream-options.ts";
import { measureStreams, type StreamRound } from "./stream-round.ts";
import type { World } from "./world.ts";

async function measureAll(world: World, options: StreamOptions): Promise<StreamRound[]> {
  const rounds: StreamRound[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    const measured = await measureStreams(world, options);
    rounds.push(measured);
    const { faults } = measured;
    console.error(`round ${round}: ${faults.length === 0 ? "verified" : `VOID: ${faults.join("; ")}`}`);
  }
  return rounds;
}

await run({
  help: streamHelp,
  readOptions: readStreamOptions,
  measure: measureAll,
  report(rounds, { readers }) {
    const verified = rounds.filter(({ faults }) => faults.length === 0);
    const summary = Object.keys(rounds[0]?.figures ?? {}).map((figure) => ({
      figure,
      median: median(verified.map(({ figures }) => figures[figure]!)),
    }));
    const heading = [`median, ${readers.toLocaleString("en")} readers of one chat`, ""];
    const rows = summary.map(({ figure, median }) => [figure.trimEnd(), show(median)]);
    return { summary, table: tableOf([heading, ...rows]) };
  },
});
