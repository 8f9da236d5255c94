import { parseArgs } from "node:util";
import { whole } from "../options.ts";

export const help = `Measures what telemetry costs ingest while it accepts messages: off, metrics only, traces at 1 %, traces at 100 %

  npm run telemetry -w bench -- …

  --rounds <n>        rounds, each with four fresh processes (4)
  --turns <n>         turns of each process in a round (4)
  --seconds <n>       length of a turn (6); the SDK sends spans each five
  --connections <n>   keep-alive connections (64)
  --json              the figures of all rounds as JSON on standard output
  --help

The four run side by side and are sent messages in turn (A B C D D C B A …), so that whatever else the machine does meets all of them. "off" is
ingest with instruments that do nothing and without traces; the others are ingest as it is, scraped every five seconds, its
spans sent to a receiver that the benchmark runs. REDIS_URL and DATABASE_URL name stores to use, as for npm run bench. Exit
code 1 when a round does not verify.`;

/** Throws a sentence for an option that is unknown or not a positive number. */
export function readOptions(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string", default: "4" },
      turns: { type: "string", default: "4" },
      seconds: { type: "string", default: "6" },
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
