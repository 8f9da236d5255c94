import { parseArgs } from "node:util";

export const help = `Breaks a running Confab in many ways, under load, and checks from outside that it keeps its promises.

  make faults                             every fault with seed 1
  make faults SEEDS=10                    every fault with seeds 1 to 10
  make faults ONE=redis-killed SEED=7     one fault, one seed
  make faults LIST=1                      list the faults

  --one <name>       run only this fault, or several, separated by commas
  --seed <n>         run only this seed
  --seeds <n>        run seeds 1 to n (1)
  --minutes <n>      start no further run after this many minutes (600)
  --again            repeat runs that have a verdict; by default they are skipped, so an interrupted series continues
  --results <dir>    folder for histories and verdicts (.confab/faults)
  --report <dir>     folder for report.md (the results folder)
  --search <what>    elasticsearch, or mysql on a machine without a JDK (elasticsearch)
  --controls         run systems that break their promises instead; their verdicts must be red
  --verify           judge the recorded runs again, without running anything
  --list             list the faults
  --help             print this help

The suite starts its own stores. The exit code is 1 if an invariant was violated or a run did not finish.`;

export interface Options {
  readonly one: readonly string[];
  readonly seeds: readonly number[];
  readonly minutes: number;
  readonly again: boolean;
  readonly results: string;
  readonly report: string;
  readonly search: boolean;
  readonly controls: boolean;
  readonly verify: boolean;
  readonly list: boolean;
  readonly help: boolean;
}

/** Reads the options. Throws an error that names an option that is unknown or not a whole number. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      one: { type: "string", default: "" },
      seed: { type: "string" },
      seeds: { type: "string", default: "1" },
      minutes: { type: "string", default: "600" },
      again: { type: "boolean", default: false },
      results: { type: "string", default: ".confab/faults" },
      report: { type: "string" },
      search: { type: "string", default: "elasticsearch" },
      controls: { type: "boolean", default: false },
      verify: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { seed, results } = values;
  return {
    ...values,
    one: values.one.split(",").filter((name) => name !== ""),
    seeds:
      seed === undefined
        ? Array.from({ length: whole("seeds", values.seeds) }, (_, index) => index + 1)
        : [whole("seed", seed)],
    minutes: whole("minutes", values.minutes),
    results: values.controls ? `${results}-controls` : results,
    report: values.report ?? results,
    search: values.search !== "mysql",
  };
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number, at least 1, not ${text}`);
  return value;
}
