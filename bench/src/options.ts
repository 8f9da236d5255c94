import { parseArgs } from "node:util";
import { rows } from "./rows/index.ts";
import type { Settings } from "./rows/row.ts";

export const help = `Compares Confab with other designs and with the limits of the stores, in alternating rounds.

  make bench                      everything, with the default options
  make bench ARGS="--quick …"     with options:

  --only <rows>     the names of rows, separated by commas
  --rounds <n>      rounds of each row (5)
  --seconds <n>     duration of a measurement (8)
  --quick           two rounds of three seconds, with a smaller index to search, to see whether it works
  --json <file>     write the figures of all rounds
  --write           write docs/benchmarks/README.md; rows that are not measured keep the figures of .confab/bench
  --help

Rows:
${rows.map(({ name, title }) => `  ${name.padEnd(18)} ${title}`).join("\n")}

It starts its own Redis and MySQL in a temporary folder. It needs wrk, Go for the comparison with a Go service, and a
JDK and Maven for Elasticsearch. The row search first indexes 1,000,000 messages, which takes two to three minutes. The exit
code is 1 when a round cannot be verified.`;

export interface Options extends Settings {
  /** The names of the rows to measure. */
  readonly only: readonly string[];
  readonly json: string | undefined;
  readonly write: boolean;
  readonly help: boolean;
}

/** Throws an error with a sentence for the user if an option is unknown or its value is invalid. */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const names = rows.map(({ name }) => name);
  const only = values.only?.split(",") ?? names;
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`--only: there is no row ${unknown.join(", ")}. Rows: ${names.join(", ")}`);
  return {
    only,
    rounds: whole("rounds", values.rounds ?? (values.quick ? "2" : "5")),
    seconds: whole("seconds", values.seconds ?? (values.quick ? "3" : "8")),
    isQuick: values.quick,
    json: values.json,
    write: values.write,
    help: values.help,
  };
}

/** Reads an option's value as a whole number of at least 1. */
export function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number, at least 1, not ${text}`);
  return value;
}
