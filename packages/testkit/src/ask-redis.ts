import { Redis } from "ioredis";

/** What a Redis or a Sentinel on this machine answers to one command of words; throws for an error and where nobody answers. */
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
