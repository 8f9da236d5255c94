import type { Environment } from "@confab/config";
import { describeSetting, type StoreSetting } from "@confab/runtime/store-setting";
import { CommandError } from "./errors.ts";
import { table } from "./output.ts";
import { allStores } from "./stores.ts";

const timeoutMs = 5_000;

export interface StoresCheck {
  /** Settings of the stores that answered. */
  readonly settings: readonly StoreSetting[];
  /**
   * Error with which the command ends: a store did not answer or, if all did, a setting breaks a promise. Undefined if
   * all is well.
   */
  readonly failure: Error | undefined;
}

/** Reads the settings of Redis and the database, and checks whether they keep Confab's promises. */
export async function checkStores(env: Environment): Promise<StoresCheck> {
  const stores = allStores(env);
  const results = await Promise.allSettled([redisSettings(stores), databaseSettings(stores)]);
  const settings = results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
  const unanswered = results.find((result) => result.status === "rejected");
  return { settings, failure: unanswered ? (unanswered.reason as Error) : brokenPromises(settings) };
}

type Stores = ReturnType<typeof allStores>;

async function redisSettings({ redis: address, expected }: Stores): Promise<StoreSetting[]> {
  const { connectForRequests, readRedisSettings, whenReady } = await import("@confab/redis");
  const redis = connectForRequests(address, "confabctl", { timeoutMs });
  redis.on("error", () => undefined);
  try {
    await whenReady(redis, timeoutMs);
    return await readRedisSettings(redis, expected.redis);
  } catch (error) {
    throw new CommandError("unavailable", error instanceof Error ? error.message : String(error), { cause: error });
  } finally {
    redis.disconnect();
  }
}

async function databaseSettings({ database: address, expected }: Stores): Promise<StoreSetting[]> {
  const { createDatabase, readDatabaseSettings } = await import("@confab/database");
  // The client first queries the server's version, with the same timeout as for the settings.
  const times = { acquireTimeoutMs: timeoutMs / 2, answerTimeoutMs: timeoutMs / 2 };
  const database = createDatabase({ ...address, ...times, poolSize: 1 });
  try {
    return await readDatabaseSettings(database, expected.database);
  } finally {
    await database.close();
  }
}

function brokenPromises(settings: readonly StoreSetting[]): CommandError | undefined {
  const broken = settings.filter(({ verdict }) => verdict === "at-risk" || verdict === "refused");
  if (broken.length === 0) return undefined;
  return new CommandError(
    "configuration",
    `The stores do not keep ${broken.length} of ${settings.length} promises. Change the settings listed above.`,
  );
}

/** Formats promises, settings and findings as a table, followed by what to do about promises that are not kept. */
export function settingsTable(settings: readonly StoreSetting[]): string {
  const rows = settings.map(({ store, server = store, promise, setting, found, verdict }) => [
    server,
    promise,
    setting,
    found,
    verdict,
  ]);
  const advice = settings.filter(({ verdict }) => verdict !== "kept").map(describeSetting);
  return [table(["STORE", "PROMISE", "SETTING", "FOUND", "VERDICT"], rows), ...advice].join("\n");
}
