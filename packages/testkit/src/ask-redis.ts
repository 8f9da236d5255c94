import { Redis } from "ioredis";

/**
 * Sends one command, given as words, to a Redis or Sentinel on this machine. Throws if the answer is an error or does
 * not come.
 */
export async function askRedis(port: number, command: string): Promise<unknown> {
  const redis = new Redis({
    port,
    host: "127.0.0.1",
    protocol: 2,
    enableReadyCheck: false,
    retryStrategy: () => null,
    commandTimeout: 5_000,
  });
  redis.on("error", () => undefined);
  const [name, ...args] = command.split(" ");
  try {
    return await redis.call(name!, args);
  } finally {
    redis.disconnect();
  }
}
