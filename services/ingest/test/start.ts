import { loadIngestConfig } from "@confab/config";
import { routes, type Message, type ProblemCode, type ProblemDocument, type Route } from "@confab/contracts";
import { startHttpServer } from "@confab/http";
import { createPendingMessages } from "@confab/pending";
import { waitForRedis } from "@confab/redis";
import { createLogger } from "@confab/runtime";
import { captureLog, testStores, uniquePrefix, useForAll } from "@confab/testkit";
import {
  jsonOf,
  openDatabase,
  problemOf as problemIn,
  sendRequest,
  type Answer,
  type Chat,
} from "@confab/testkit/world";
import { expect } from "chai";
import { Redis } from "ioredis";
import { createIngestApp } from "../src/app.ts";
import { connectDependencies, openStores } from "../src/dependencies.ts";

export type { LogLine } from "@confab/testkit";
export { jsonOf, openDatabase as openWorld, type Answer, type Chat } from "@confab/testkit/world";

export type World = Awaited<ReturnType<typeof openDatabase>>;

/**
 * Starts the service on a free port with separate Redis keys. Gives access to its logs and metrics, and to its messages
 * in Redis.
 */
export async function startIngest(world: Pick<World, "url">, env: Record<string, string> = {}) {
  const config = loadIngestConfig({
    REDIS_URL: testStores().redisUrl,
    DATABASE_URL: world.url,
    REDIS_KEY_PREFIX: uniquePrefix("ingest"),
    PORT: "0",
    LOG_LEVEL: "debug",
    ...env,
  });
  const { lines, destination } = captureLog();
  const logger = createLogger(config.log, destination);
  const stores = openStores(config, logger);
  await waitForRedis(stores.redis, logger);
  const dependencies = await connectDependencies(stores, config, logger);
  const { app, direct } = createIngestApp({ ...dependencies, config, logger, validateResponses: true });
  const server = await startHttpServer(app, { ...config.http, host: "127.0.0.1", direct });
  const redis = new Redis(config.redis.url);
  redis.on("error", () => undefined);

  return {
    ...dependencies,
    config,
    app,
    url: server.url,
    redis,
    lines,
    /** Returns the bodies of a chat's pending messages by number. */
    accepted: (chat: Chat) => readAccepted(redis, config.partitioning, chat),
    send: (chat: Chat, body: string, headers: Record<string, string> = {}) => send(server.url, chat, body, headers),
    async stop(): Promise<void> {
      await server.stop();
      await dependencies.stop();
      await stores.stop();
      redis.disconnect();
    },
  };
}

/** Reads the bodies of a chat's pending messages by number. */
export async function readAccepted(
  redis: Redis,
  partitioning: { prefix: string; partitions: number },
  chat: Chat,
): Promise<Record<number, string>> {
  const numbers = Array.from({ length: 1_100 }, (_, index) => index + 1);
  const { messages } = await createPendingMessages(redis, partitioning).read(chat, numbers);
  return Object.fromEntries([...messages].map(([number, { body }]) => [number, body]));
}

export type Ingest = Awaited<ReturnType<typeof startIngest>>;

/** Starts a world and the service for all tests of a `describe`. */
export function useIngest(env?: Record<string, string>) {
  const world = useForAll(openDatabase);
  const ingest = useForAll(() => startIngest(world, env));
  return { world, ingest };
}

/** Sends a POST request: text and bytes unchanged, and everything else as JSON. */
export function post(url: string, body: unknown, headers?: Record<string, string>): Promise<Answer> {
  return sendRequest("POST", url, body, headers);
}

export function send(url: string, chat: Chat, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return post(`${url}/messages`, { application_token: chat.token, chat_number: chat.number, body }, headers);
}

/** Returns the message of a 201 answer. */
export function messageOf(answer: Answer): Message {
  return jsonOf(answer, 201) as Message;
}

/** Returns the problem document of a refusal. The problem must be the given one and be listed for the route. */
export function problemOf(answer: Answer, code: ProblemCode): ProblemDocument {
  const document = problemIn(answer, code);
  const route = Object.values<Route>(routes).find(({ path }) => path === document.instance);
  if (route && answer.status !== 405) expect(route.problems, route.operationId).to.include(code);
  return document;
}
