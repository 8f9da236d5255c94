import { z } from "zod";
import { commonSettings, commonVariables, httpSettings, httpVariables } from "./common.ts";
import { durationMs, integer, port } from "./leaves.ts";
import { parseEnv, type Environment } from "./parse-env.ts";
import { processVariables } from "./process-variables.ts";
import { checkingStores } from "./store-checks.ts";
import { searchSettings, searchVariables } from "./store-variables.ts";

/** Environment variables of the api. */
export const apiVariables = z.object({
  ...commonVariables,
  ...httpVariables,
  ...searchVariables,
  PORT: port().prefault("8082").describe("Port of every route except those that send messages"),
  ADMIN_PORT: processVariables.ADMIN_PORT.prefault("9082"),
  APPLICATION_REQUEST_RATE: integer({ min: 1 })
    .prefault("500")
    .describe("Rate limit for /applications/{token} and everything below it, in requests per second and application"),
  APPLICATION_SEARCH_TIME: durationMs({ min: "10ms" })
    .prefault("1s")
    .describe(
      "Time per second that the searches of one application may take in this process, and ten times as much at once. Beyond it searches are answered 429",
    ),
  MAX_STREAMS: integer({ min: 1, max: 1_000_000 })
    .prefault("10000")
    .describe(
      "Maximum number of live streams and waiting requests that this process has open. Beyond it connections are answered 503",
    ),
  MAX_STREAMS_PER_APPLICATION: integer({ min: 1 })
    .prefault("5000")
    .describe("Maximum number of them for one application in this process. Beyond it connections are answered 429"),
  MAX_STREAMS_PER_ADDRESS: integer({ min: 1 })
    .prefault("1000")
    .describe(
      "Maximum number of them for one client address, or one IPv6 network of 64 bits, in this process. See TRUSTED_PROXIES",
    ),
});

/** Loads the api's configuration. Throws a ConfigError that lists every problem. */
export function loadApiConfig(env: Environment) {
  const variables = parseEnv(checkingStores(apiVariables), env);
  return {
    ...commonSettings("api", variables),
    ...httpSettings(variables),
    search: searchSettings(variables),
    applicationRequestRate: variables.RATE_LIMITS ? variables.APPLICATION_REQUEST_RATE : undefined,
    applicationSearchMs: variables.RATE_LIMITS ? variables.APPLICATION_SEARCH_TIME : undefined,
    streams: {
      total: variables.MAX_STREAMS,
      perApplication: variables.RATE_LIMITS ? variables.MAX_STREAMS_PER_APPLICATION : Infinity,
      perUser: variables.RATE_LIMITS
        ? Math.max(1, Math.floor(variables.MAX_STREAMS_PER_APPLICATION * variables.USER_SHARE))
        : Infinity,
      perAddress: variables.RATE_LIMITS ? variables.MAX_STREAMS_PER_ADDRESS : Infinity,
    },
  };
}

export type ApiConfig = ReturnType<typeof loadApiConfig>;
