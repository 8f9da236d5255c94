import { mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bindToThisProcess, startStores, unbind } from "@confab/local";
import type { Stores } from "@confab/local";
import { storeVariables } from "./stores.ts";

let folder: string | undefined;
let stores: Stores | undefined;

/** Starts the stores that no CONFAB_TEST_*_URL names, on free ports, and sets these variables for every test. */
export async function mochaGlobalSetup(): Promise<void> {
  const given = {
    redis: process.env[storeVariables.redis],
    mysql: process.env[storeVariables.mysql],
    elasticsearch: process.env[storeVariables.elasticsearch],
  };
  if (!Object.values(given).includes(undefined)) return;
  folder = await mkdtemp(join(await roomiest(), "confab-test-"));
  bindToThisProcess({ folder });
  stores = await startStores({ dir: folder, given, onProgress: report });
  process.env[storeVariables.redis] = stores.redisUrl;
  process.env[storeVariables.mysql] = stores.databaseUrl;
  if (stores.elasticsearchUrl !== undefined) process.env[storeVariables.elasticsearch] = stores.elasticsearchUrl;
}

/**
 * Prefers /dev/shm if it has 4 GiB free: the stores fsync constantly, and tests would wait for a shared disk that
 * stalls.
 */
async function roomiest(): Promise<string> {
  const memory = "/dev/shm";
  const free = await statfs(memory).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  return free > 4 * 1024 ** 3 ? memory : tmpdir();
}

/** Stops the stores that the setup started and removes their folder. */
export async function mochaGlobalTeardown(): Promise<void> {
  await stores?.stop();
  if (folder === undefined) return;
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  unbind({ folder });
}

function report(line: string): void {
  process.stderr.write(`  ${line}\n`);
}
