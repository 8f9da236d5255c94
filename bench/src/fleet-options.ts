import { parseArgs } from "node:util";
import { whole } from "./options.ts";

export const fleetHelp = `Measures what idle processes of a service cost Redis and MySQL, for several numbers of processes.

  npm run fleet -w bench -- …

  --service <name>   ingest, api or worker (worker)
  --sizes <n,n>      numbers of processes, growing (1,10)
  --seconds <n>      duration of each measurement (30)
  --env <NAME=value> a variable of the processes; repeatable
  --json             write the figures as JSON to standard output
  --help

REDIS_URL and DATABASE_URL name stores to use. Commands and queries are those of all clients of these stores.`;

const services = ["ingest", "api", "worker"] as const;
export type ServiceName = (typeof services)[number];

export interface FleetOptions {
  readonly service: ServiceName;
  readonly sizes: readonly number[];
  readonly seconds: number;
  readonly env: Readonly<Record<string, string>>;
  readonly json: boolean;
  readonly help: boolean;
}

/** Throws an error with a sentence for the user when an option is unknown or has no valid value. */
export function readFleetOptions(args: string[]): FleetOptions {
  const { values } = parseArgs({
    args,
    options: {
      service: { type: "string", default: "worker" },
      sizes: { type: "string", default: "1,10" },
      seconds: { type: "string", default: "30" },
      env: { type: "string", multiple: true, default: [] },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const service = services.find((name) => name === values.service);
  if (service === undefined) throw new Error(`--service must be one of ${services.join(", ")}`);
  return {
    service,
    sizes: values.sizes.split(",").map((size) => whole("sizes", size)),
    seconds: whole("seconds", values.seconds),
    env: Object.fromEntries(values.env.map((pair) => pair.split(/=(.*)/s, 2) as [string, string])),
    json: values.json,
    help: values.help,
  };
}
