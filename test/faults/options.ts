import { parseArgs } from "node:util";

export const help = `Breaks a running Confab in every way that the suite knows, under load, and judges from outside what it promised.

  make faults                             every fault with seed 1
  make faults SEEDS=10                    every fault with seeds 1 to 10
  make faults ONE=redis-killed SEED=7     one fault, one seed
  make faults LIST=1                      the faults

  --one <name>       only this fault; several with commas
  --seed <n>         only this seed
  --seeds <n>        seeds from 1 to n (1)
  --minutes <n>      begins no run after so many minutes (600)
  --again            runs also what has a verdict; without it a run that was cut off goes on where it was
  --results <dir>    where histories and verdicts are kept (.confab/faults)
  --report <dir>     where README.md, report.html and timelines are written (the folder of the results)
  --search <what>    elasticsearch, or mysql for a machine without a JDK (elasticsearch)
  --controls         runs systems that break their promises instead, whose verdicts must be red
  --verify           judges the recorded runs again, and starts nothing
  --list             lists the faults
  --help

All stores are its own. Exit code 1 when an invariant was violated, or a run could not be finished.`;

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

/** Throws a sentence for an option that is unknown or no number. */
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
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1, not ${text}`);
  return value;
}
