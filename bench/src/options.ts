import { parseArgs } from "node:util";

export const help = `Measures Confab (A) against a plain design (B) on the same stores, in turn: A B A B …

  make bench                       with the defaults
  npm run bench -w bench -- …      with options:

  --rounds <n>        rounds of A and B each (3)
  --seconds <n>       seconds for which accepting is measured (8)
  --connections <n>   keep-alive connections (64)
  --backlog <n>       messages that A drains (20000); B, which is slower, drains a quarter
  --json              the figures of all rounds as JSON on standard output
  --help

REDIS_URL and DATABASE_URL name stores to use; those not named are started in a temporary folder and stopped again.
In a given database server a database of the run's own is made and dropped; in a given Redis, keys that begin with
bench-. Exit code 1 when a round does not verify.`;

/** Throws a sentence for an option that is unknown or not a positive number. */
export function readOptions(args: string[]) {
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

/** Throws a sentence for what is no whole number from 1. */
export function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1, not ${text}`);
  return value;
}
