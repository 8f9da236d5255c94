import { parseArgs } from "node:util";
import { whole } from "../options.ts";

export const help = `Measures what telemetry costs ingest while it accepts messages: off, metrics only, traces of no message, of 1 % and of all

  npm run telemetry -w bench -- …

  --rounds <n>        rounds, each with four fresh processes (6)
  --turns <n>         turns of each mode in a round (5); a multiple of five has each in each place
  --seconds <n>       how long a turn's messages are sent (2)
  --connections <n>   keep-alive connections (64)
  --json              the figures of all rounds as JSON on standard output
  --help

Four ingests run side by side and are sent messages in turn, so that whatever else the machine does meets all of them. "off" has instruments
that do nothing and no traces, "metrics" is ingest as it is; the others sample what the client's traceparent says, and of them "none
sampled" and 1 % are one process. Metrics are scraped once a turn, and spans are sent within the turn to a receiver that the benchmark runs.
REDIS_URL and DATABASE_URL name stores to use, as for npm run bench. Exit
code 1 when a round does not verify.`;

/** Throws a sentence for an option that is unknown or not a positive number. */
export function readOptions(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string", default: "6" },
      turns: { type: "string", default: "5" },
      seconds: { type: "string", default: "2" },
      connections: { type: "string", default: "64" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  return {
    rounds: whole("rounds", values.rounds),
    turns: whole("turns", values.turns),
    seconds: whole("seconds", values.seconds),
    connections: whole("connections", values.connections),
    json: values.json,
    help: values.help,
  };
}
