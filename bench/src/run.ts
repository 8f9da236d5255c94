import { exit } from "node:process";
import { describeMachine } from "./report.ts";
import { createWorld, type World } from "./world.ts";

interface Benchmark<Options, Round, Summary> {
  readonly help: string;
  readonly readOptions: (args: string[]) => Options;
  readonly measure: (world: World, options: Options) => Promise<Round[]>;
  readonly summarise: (rounds: Round[]) => Summary;
  readonly table: (summary: Summary) => string;
}

/** Measures in a world of its own and prints the summary; exit code 1 where a round is void or nothing could be measured. */
export async function run<
  Options extends { readonly help: boolean; readonly json: boolean },
  Round extends { readonly faults: readonly string[] },
  Summary,
>(benchmark: Benchmark<Options, Round, Summary>): Promise<void> {
  await measureAndPrint(benchmark).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}

async function measureAndPrint<
  Options extends { readonly help: boolean; readonly json: boolean },
  Round extends { readonly faults: readonly string[] },
  Summary,
>({ help, readOptions, measure, summarise, table }: Benchmark<Options, Round, Summary>): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    console.log(help);
    return;
  }
  const world = await createWorld(process.env);
  // The services end with this process; the database of a given server and the temporary folder would stay.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void world.close().finally(() => exit(130)));
  }
  try {
    const machine = describeMachine(world);
    const rounds = await measure(world, options);
    const summary = summarise(rounds);
    if (options.json) console.log(JSON.stringify({ machine, options, summary, rounds }, undefined, 2));
    else {
      const facts = Object.entries(machine).map(([name, value]) => `${name}: ${value}`);
      console.log(`\n${facts.join(" · ")}\n\n${table(summary)}`);
    }
    if (rounds.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
  } finally {
    await world.close();
  }
}
