import { z } from "zod";
import { commonSettings, commonVariables, httpSettings, httpVariables } from "./common.ts";
import { integer, port } from "./leaves.ts";
import { parseEnv, type Environment } from "./parse-env.ts";
import { processVariables } from "./process-variables.ts";
import { checkingStores } from "./store-checks.ts";
import { searchSettings, searchVariables } from "./store-variables.ts";

/** The api's variables. */
export const apiVariables = z.object({
  ...commonVariables,
  ...httpVariables,
  ...searchVariables,
  PORT: port().prefault("8082").describe("Port of every route except those that send messages"),
  ADMIN_PORT: processVariables.ADMIN_PORT.prefault("9082"),
  APPLICATION_REQUEST_RATE: integer({ min: 1 })
    .prefault("500")
    .describe("Rate limit for /applications/{token} and everything below it, in requests per second and application"),
});

/** The api's configuration; throws a ConfigError that lists every problem. */
export function loadApiConfig(env: Environment) {
  const variables = parseEnv(checkingStores(apiVariables), env);
  return {
    ...commonSettings("api", variables),
    ...httpSettings(variables),
    search: searchSettings(variables),
    applicationRequestRate: variables.RATE_LIMITS ? variables.APPLICATION_REQUEST_RATE : undefined,
  };
}

export type ApiConfig = ReturnType<typeof loadApiConfig>;
