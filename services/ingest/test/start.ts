import { randomUUID } from "node:crypto";
import { problems, routes, type Message, type ProblemCode, type Route } from "@confab/contracts";
import { createApplications, createChats, createDatabase, migrate } from "@confab/database";
import { startHttpServer, type ProblemDocument } from "@confab/http";
import { createPendingMessages } from "@confab/intake";
import { waitForRedis } from "@confab/queue";
import { createLogger } from "@confab/runtime";
import { createTestDatabase, testStores, uniquePrefix } from "@confab/testkit";
import { expect } from "chai";
import { Redis } from "ioredis";
import { createIngestApp } from "../src/app.ts";
import { loadConfig } from "../src/config.ts";
import { connectDependencies, openStores } from "../src/dependencies.ts";

export type LogLine = Record<string, unknown> & { message: string; level: string };

export interface Chat {
  token: string;
  number: number;
  id: bigint;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/** A database of its own with what a test needs in it: chats, made as the api makes them. */
export async function openWorld() {
  const created = await createTestDatabase();
  await migrate(created.url);
  const database = createDatabase({ url: created.url });
  const [applications, chats] = [createApplications(database), createChats(database)];

  async function newApplication(): Promise<string> {
    const token = randomUUID();
    await applications.create({ token, name: "test" });
    return token;
  }
  return {
    url: created.url,
    newApplication,
    async newChat(token?: string): Promise<Chat> {
      const owner = token ?? (await newApplication());
      const chat = await chats.create({ token: owner });
      return { token: owner, number: chat!.number, id: chat!.id };
    },
    async close(): Promise<void> {
      await database.close();
      await created.drop();
    },
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;

/** The service on a free port, with keys of its own; what it logs and counts is at hand, and Redis as the worker sees it. */
export async function startIngest(world: Pick<World, "url">, env: Record<string, string> = {}) {
  const config = loadConfig({
    REDIS_URL: testStores().redisUrl,
    DATABASE_URL: world.url,
    REDIS_KEY_PREFIX: uniquePrefix("ingest"),
    PORT: "0",
    LOG_LEVEL: "debug",
    ...env,
  });
  const lines: LogLine[] = [];
  const logger = createLogger(config.log, { write: (line) => lines.push(JSON.parse(line) as LogLine) });
  const stores = openStores(config, logger);
  await waitForRedis(stores.redis, logger);
  const dependencies = await connectDependencies(stores, config, logger);
  const app = createIngestApp({ ...dependencies, config, logger, validateResponses: true });
  const server = await startHttpServer(app, { ...config.http, host: "127.0.0.1" });
  const redis = new Redis(config.redis.url);
  redis.on("error", () => undefined);

  return {
    ...dependencies,
    config,
    app,
    url: server.url,
    redis,
    lines,
    /** What is accepted in a chat and not yet stored: the bodies by number. */
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

/** What is accepted in a chat and not yet stored: the bodies by number. */
export async function readAccepted(
  redis: Redis,
  partitioning: { prefix: string; partitions: number },
  chat: Chat,
): Promise<Record<number, string>> {
  const numbers = Array.from({ length: 1_100 }, (_, index) => index + 1);
  const { messages } = await createPendingMessages(redis, partitioning).read(chat, numbers);
  return Object.fromEntries([...messages].map(([place, { body }]) => [place, body]));
}

export type Ingest = Awaited<ReturnType<typeof startIngest>>;

/** POSTs what is given: text and bytes as they are, everything else as JSON. */
export async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" || Buffer.isBuffer(body) ? new Blob([body]) : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

export function send(url: string, chat: Chat, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return post(`${url}/messages`, { application_token: chat.token, chat_number: chat.number, body }, headers);
}

/** The message of a 201. */
export function messageOf(answer: Answer): Message {
  expect(answer.status, answer.text).to.equal(201);
  return JSON.parse(answer.text) as Message;
}

/** The document of a refusal, which must be the given problem in every respect. */
export function problemOf(answer: Answer, code: ProblemCode): ProblemDocument {
  const { status, title } = problems[code];
  expect(answer.status, answer.text).to.equal(status);
  expect(answer.headers.get("content-type")).to.equal("application/problem+json");
  const document = JSON.parse(answer.text) as ProblemDocument;
  expect(document).to.include({ type: `http://localhost:8080/problems/${code}`, title, status });
  const route = Object.values<Route>(routes).find(({ path }) => path === document.instance);
  if (route && status !== 405) expect(route.problems, route.operationId).to.include(code);
  expect(document.request_id).to.equal(answer.headers.get("x-request-id"));
  if (status === 429 || status === 503) expect(Number(answer.headers.get("retry-after"))).to.be.within(1, 60);
  return document;
}
