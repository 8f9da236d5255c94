import { exit } from "node:process";
import { describeMachine } from "./report.ts";
import { createWorld, type World } from "./world.ts";

export interface Benchmark<Options, Round> {
  readonly help: string;
  /** Throws an error with a sentence for the user. */
  readonly readOptions: (args: string[]) => Options;
  readonly measure: (world: World, options: Options) => Promise<Round[]>;
  /** The figures of all rounds, for `--json`, and the same as a table for people. */
  readonly report: (rounds: readonly Round[], options: Options) => { readonly summary: object; readonly table: string };
}

/** Runs a benchmark with the arguments of this process, and prints its figures. The exit code is 1 if a round was not verified. */
export async function run<
  Options extends { readonly json: boolean; readonly help: boolean },
  Round extends { readonly faults: readonly string[] },
>(benchmark: Benchmark<Options, Round>): Promise<void> {
  try {
    const options = benchmark.readOptions(process.argv.slice(2));
    if (options.help) console.log(benchmark.help);
    else await measureAndPrint(benchmark, options);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

async function measureAndPrint<
  Options extends { readonly json: boolean },
  Round extends { readonly faults: readonly string[] },
>({ measure, report }: Benchmark<Options, Round>, options: Options): Promise<void> {
  const world = await createWorld(process.env);
  // The services end with this process, but the database on a given server and the temporary folder would stay.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void world.close().finally(() => exit(130)));
  }
  try {
    const machine = describeMachine(world);
    const rounds = await measure(world, options);
    const { summary, table } = report(rounds, options);
    if (options.json) console.log(JSON.stringify({ machine, options, summary, rounds }, undefined, 2));
    else {
      const settings = Object.entries(machine).map(([name, value]) => `${name}: ${value}`);
      console.log(`\n${settings.join(" · ")}\n\n${table}`);
    }
    if (rounds.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
  } finally {
    await world.close();
  }
}
