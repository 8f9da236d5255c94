import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { bindToThisProcess, startStores, unbind, type Stores } from "@confab/local";
import { config } from "chai";
import { scratchRoot } from "./scratch-root.ts";
import { storeVariables } from "./stores.ts";

let folder: string | undefined;
let stores: Stores | undefined;

// The summary of a test run shows only the message of a failed assertion, so chai must not shorten that message.
config.truncateThreshold = 0;

// The stores start while mocha loads this module, before it loads the tests, because the stores decide which tests
// exist.
await startMissingStores();

/** Starts the stores for which no CONFAB_TEST_*_URL is set, on free ports, and sets these variables for every test. */
async function startMissingStores(): Promise<void> {
  const given = {
    redis: process.env[storeVariables.redis],
    mysql: process.env[storeVariables.mysql],
    elasticsearch: process.env[storeVariables.elasticsearch],
  };
  if (!Object.values(given).includes(undefined)) return;
  folder = await mkdtemp(join(await scratchRoot(), "confab-test-"));
  bindToThisProcess({ folder });
  stores = await startStores({ dir: folder, given, onProgress: report });
  process.env[storeVariables.redis] = stores.redisUrl;
  process.env[storeVariables.mysql] = stores.databaseUrl;
  if (stores.elasticsearchUrl !== undefined) process.env[storeVariables.elasticsearch] = stores.elasticsearchUrl;
}

/** Stops the stores that this module started and removes their folder. */
export async function mochaGlobalTeardown(): Promise<void> {
  await stores?.stop();
  if (folder === undefined) return;
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  unbind({ folder });
}

function report(line: string): void {
  process.stderr.write(`  ${line}\n`);
}
