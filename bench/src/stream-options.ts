import { parseArgs } from "node:util";
import { whole } from "./options.ts";

export const streamHelp = `Measures the live stream of one chat with many readers on one api process.

  npm run streams -w bench -- …

  --readers <n>   readers of the chat (10000); each process needs as many open files: ulimit -n
  --seconds <n>   duration of the measurement of delivery (20)
  --rate <n>      messages per second meanwhile (5)
  --missed <n>    messages that each reader has missed when it returns (50)
  --rounds <n>    rounds, each with new processes (1)
  --json          write the figures of all rounds as JSON to standard output
  --help

REDIS_URL and DATABASE_URL name stores to use. The exit code is 1 when a reader missed an event or received one twice.`;

export interface StreamOptions {
  readonly readers: number;
  readonly seconds: number;
  readonly rate: number;
  readonly missed: number;
  readonly rounds: number;
  readonly json: boolean;
  readonly help: boolean;
}

/** Throws an error with a sentence for the user when an option is unknown or not a positive number. */
export function readStreamOptions(args: string[]): StreamOptions {
  const { values } = parseArgs({
    args,
    options: {
      readers: { type: "string", default: "10000" },
      seconds: { type: "string", default: "20" },
      rate: { type: "string", default: "5" },
      missed: { type: "string", default: "50" },
      rounds: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  return {
    readers: whole("readers", values.readers),
    seconds: whole("seconds", values.seconds),
    rate: whole("rate", values.rate),
    missed: whole("missed", values.missed),
    rounds: whole("rounds", values.rounds),
    json: values.json,
    help: values.help,
  };
}
