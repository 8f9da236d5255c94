import { parseArgs } from "node:util";

export const help = `Compares Confab (A) with a plain design (B) on the same stores, in alternating rounds.

  make bench                       with the default options
  npm run bench -w bench -- …      with options:

  --rounds <n>        rounds of A and B each (3)
  --seconds <n>       duration of the measurement of accepting (8)
  --connections <n>   keep-alive connections (64)
  --backlog <n>       messages that A drains (20000); B is slower and drains a quarter
  --json              write the figures of all rounds as JSON to standard output
  --help

REDIS_URL and DATABASE_URL name stores to use. The benchmark starts the others in a temporary folder and stops them
at the end. On a database server of yours it creates a database and drops it again; in a Redis of yours it uses keys
that begin with bench- and removes them. The exit code is 1 when a round cannot be verified.`;

export interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly backlog: number;
  readonly json: boolean;
  readonly help: boolean;
}

/** Throws an error with a sentence for the user when an option is unknown or not a positive number. */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "8" },
      connections: { type: "string", default: "64" },
      backlog: { type: "string", default: "20000" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  return {
    rounds: whole("rounds", values.rounds),
    seconds: whole("seconds", values.seconds),
    connections: whole("connections", values.connections),
    backlog: whole("backlog", values.backlog),
    json: values.json,
    help: values.help,
  };
}

/** Reads a whole number, at least 1. */
export function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number, at least 1, not ${text}`);
  return value;
}
