import { exit } from "node:process";

export const plainQueue = "plain-messages";

export interface PlainJob {
  /** A chat's internal id. It is text, because JSON has no bigint. */
  readonly chatId: string;
  readonly number: number;
  readonly body: string;
  readonly createdAt: string;
}

/** Reads the variables that the parent process sets. Throws if one is missing. */
export function plainSettings(env: NodeJS.ProcessEnv) {
  const { REDIS_URL: redisUrl, DATABASE_URL: databaseUrl, REDIS_KEY_PREFIX: prefix } = env;
  if (redisUrl === undefined || databaseUrl === undefined || prefix === undefined) {
    throw new Error(
      "REDIS_URL, DATABASE_URL and REDIS_KEY_PREFIX are not set. Run `make bench`, which starts this process with them.",
    );
  }
  return { redisUrl, databaseUrl, prefix };
}

/**
 * Reports readiness to the parent. From now on, this process exits when the channel closes, which happens no matter how
 * the parent ends.
 */
export function isReady(port: number): void {
  process.on("disconnect", () => exit(0));
  process.send?.({ port });
}
