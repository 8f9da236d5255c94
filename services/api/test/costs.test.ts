import { once } from "node:events";
import { readFileSync } from "node:fs";
import { get, request, type IncomingMessage } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { routes, type Route, type RouteName } from "@confab/contracts";
import { useEnding, longestBlock, startService, testStores, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { createLargest } from "./largest.ts";
import { startApi } from "./start.ts";
import { openWorld, type Chat, type World } from "./world.ts";

const endAfterTest = useEnding();

const maxMs = 50;
const mebibyte = 1024 * 1024;
/** A byte of a text has at most six in JSON. Beside the contents, items have other fields. */
const maxAnswerBytes = 6.5 * mebibyte;

/** Targets of requests that end them. Each call returns another one. */
export interface Targets {
  chat(): number;
  message(): number;
  key(): string;
  adminKey(): string;
  application(): string;
}

/** The most expensive request that is known for a route; absent if the route is not one of this service. */
interface Costly {
  readonly path: (chat: Chat, targets: Targets) => string;
  readonly body?: object | string;
}

const metadata = (bytes: number) => ({ a: Array<object>(Math.floor((bytes - 20) / 3)).fill({}) });
const ofApplication = (end: string): Costly => ({ path: ({ token }) => `/applications/${token}${end}` });
const ofKey = (end = ""): Costly => ({ path: ({ token }, next) => `/applications/${token}/keys/${next.key()}${end}` });
const ofChat = (end: string, number?: number): Costly => ({
  path: (chat) => `/applications/${chat.token}/chats/${number ?? chat.number}${end}`,
});
const all = "limit=200";
const manyWords = encodeURIComponent("e ".repeat(8) + "\u0001".repeat(100));
const chats = Array.from({ length: 200 }, (_, at) => at + 1).join(",");
const uploaded = {
  name: "n".repeat(255),
  scopes: ["read"],
  public_key: { kty: "OKP", crv: "Ed25519", x: "x".repeat(43) },
};

/** Every route has an entry. Deletions come last. */
const costly: Record<RouteName, Costly | undefined> = {
  createMessage: undefined,
  createMessages: undefined,
  createApplication: { path: () => "/applications", body: { name: "n".repeat(255) } },
  listApplications: { path: () => `/applications?${all}` },
  getApplication: ofApplication(""),
  updateApplication: { ...ofApplication(""), body: { name: "\u0001".repeat(255) } },
  replaceApplication: { ...ofApplication(""), body: { name: "n".repeat(255) } },
  eraseSender: { ...ofApplication("/erasures"), body: { sender: "\u0001".repeat(256) } },
  searchApplication: ofApplication(`/search?${all}&q=${manyWords}&order=relevance&chats=1,2,3`),
  countHits: ofApplication(`/search/chats?${all}&q=e`),
  createChat: { ...ofApplication("/chats"), body: { metadata: metadata(10_000) } },
  listChats: ofApplication(`/chats?${all}&order=activity`),
  getChat: ofChat("", 2),
  updateChat: { ...ofChat("", 3), body: { metadata: metadata(10_000) } },
  replaceChat: { ...ofChat("", 3), body: { metadata: metadata(10_000) } },
  setReadHorizon: { ...ofChat(`/reads/${encodeURIComponent("\u0001".repeat(256))}`), body: { number: 1 } },
  getReadHorizon: ofChat("/reads/reader"),
  listReadHorizons: ofChat(`/reads?${all}`),
  listUnreadChats: ofApplication(`/unread?reader=nobody&${all}`),
  listMessages: ofChat(`/messages?${all}`),
  streamMessages: ofChat("/messages/stream?after=0"),
  streamChats: ofApplication(`/stream?after=0&chats=${chats}`),
  sendSignal: { ...ofChat("/signals"), body: { sender: "s", type: "t", data: metadata(1_000) } },
  searchMessages: ofChat(`/messages/search?${all}&order=relevance&q=e`),
  getMessage: ofChat("/messages/1"),
  updateMessage: { ...ofChat("/messages/2"), body: { body: "\u0001e".repeat(32_000), metadata: metadata(3_000) } },
  replaceMessage: { ...ofChat("/messages/3"), body: { body: "é".repeat(32_000), metadata: metadata(3_000) } },
  listMessageVersions: ofChat(`/messages/1/history?${all}`),
  listChanges: ofChat(`/changes?${all}`),
  createKey: { ...ofApplication("/keys"), body: { name: "n".repeat(255), scopes: ["read"] } },
  listKeys: ofApplication(`/keys?${all}`),
  rotateKey: ofKey("/rotate"),
  revokeKey: ofKey(),
  createAdminKey: { path: () => "/admin/keys", body: { name: "n".repeat(255), scopes: ["read"] } },
  listAdminKeys: { path: () => `/admin/keys?${all}` },
  rotateAdminKey: { path: (_, next) => `/admin/keys/${next.adminKey()}/rotate` },
  revokeAdminKey: { path: (_, next) => `/admin/keys/${next.adminKey()}` },
  createTicket: ofApplication("/tickets"),
  uploadKey: { ...ofApplication("/public-keys"), body: uploaded },
  deleteMessage: {
    path: ({ token, number }, next) => `/applications/${token}/chats/${number}/messages/${next.message()}`,
  },
  deleteChat: { path: ({ token }, next) => `/applications/${token}/chats/${next.chat()}` },
  deleteApplication: { path: (_, next) => `/applications/${next.application()}` },
};

const headers = { authorization: "Bearer admin-key-for-tests" };

/** Sends a request and discards the answer, because parsing it would block this process. A stream is read for a moment. */
async function pass(url: string, { method, success }: Route, body: Costly["body"]) {
  const sent = request(url, {
    method: method.toUpperCase(),
    headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
  });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  let bytes = 0;
  answer.on("data", (chunk: Buffer) => (bytes += chunk.length));
  if (success.stream === true) setTimeout(() => answer.destroy(), 1_000);
  await once(
    answer.on("error", () => undefined),
    "close",
  );
  return { status: answer.statusCode!, bytes };
}

/** Creates targets of the largest application; each is given once. Its first chats and messages have other uses. */
async function createTargets({ database: { prisma } }: World, { id, token }: Chat): Promise<Targets> {
  const { id: applicationId } = await prisma.application.findUniqueOrThrow({ where: { token } });
  const keysOf = async (of: bigint | null): Promise<string[]> =>
    (await prisma.apiKey.findMany({ where: { applicationId: of } })).map(({ publicId }) => publicId);
  const others = await prisma.application.findMany({ where: { id: { not: applicationId } } });
  const numbers = await prisma.chat.findMany({ where: { applicationId, id: { not: id }, number: { gt: 3 } } });
  const given =
    <T>(from: T[]) =>
    () => {
      const next = from.pop();
      if (next === undefined) throw new Error("there are too few targets");
      return next;
    };
  return {
    chat: given(numbers.map(({ number }) => number)),
    message: given(Array.from({ length: 190 }, (_, at) => 201 - at)),
    key: given(await keysOf(applicationId)),
    adminKey: given(await keysOf(null)),
    application: given(others.map((other) => other.token)),
  };
}

describe("the most expensive request of each route", function () {
  this.timeout(120_000);
  const env = { SEARCH_BACKEND: "mysql", RATE_LIMITS: "off", ADMIN_API_KEY: "admin-key-for-tests" };
  const table = Object.entries(costly).flatMap(([name, entry]) => (entry ? [[name as RouteName, entry] as const] : []));
  const world = useForAll(openWorld);
  const chat = useForAll(() => createLargest(world));
  const targets = useForAll(() => createTargets(world, chat));
  const api = useForAll(() => startApi(world, { ...env, LOG_LEVEL: "error" }));

  it("is known for all routes of this service", () => {
    const mine = Object.entries<Route>(routes).filter(([, { service }]) => service === "api");
    expect(table.map(([name]) => name)).to.have.members(mine.map(([name]) => name));
  });

  for (const [name, { path, body }] of table) {
    const route: Route = routes[name];
    it(`does not block others, and its answer is bounded: ${name}`, async () => {
      let most = 0;
      let code = 0;
      const ms = await longestBlock(async () => {
        const { status, bytes } = await pass(api.url + path(chat, targets), route, body);
        expect(status).to.equal(route.success.status);
        code = status;
        most = Math.max(most, bytes);
      });
      if (process.env.CONFAB_SHOW_FIGURES !== undefined) {
        process.stdout.write(`${name}: ${code} ${ms.toFixed(1)} ms, ${Math.round(most / 1024)} KiB\n`);
      }
      if (route.success.stream !== true) expect(most, "bytes").to.be.below(maxAnswerBytes);
      expect(ms, "milliseconds in one turn").to.be.below(maxMs);
    });
  }

  /** Starts a process with the heap that the chart gives it. */
  const startSmall = () =>
    startService("api", {
      REDIS_URL: testStores().redisUrl,
      DATABASE_URL: world.url,
      REDIS_KEY_PREFIX: world.prefix,
      ...env,
      LOG_LEVEL: "error",
      NODE_OPTIONS: "--max-old-space-size=384 --max-semi-space-size=8",
    });
  function expectMemoryOfChart({ pid }: { pid: number }, what: string): void {
    const peak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
    if (process.env.CONFAB_SHOW_FIGURES !== undefined) process.stdout.write(`${what}: ${Math.round(peak)} MiB\n`);
    expect(peak, what).to.be.below(512);
  }

  it("leaves the process within the memory of the chart, six at a time", async () => {
    const small = endAfterTest(await startSmall());
    for (const [name, { path, body }] of table) {
      const route: Route = routes[name];
      await Promise.all(Array.from({ length: 6 }, () => pass(small.url + path(chat, targets), route, body)));
      expectMemoryOfChart(small, name);
    }
  });

  it("leaves it there when a hundred clients want the largest list, and half of them read nothing", async () => {
    const small = endAfterTest(await startSmall());
    const url = `${small.url}/applications/${chat.token}/chats/${chat.number}/messages?limit=200`;
    const leaving = new AbortController();
    const ask = async (reads: boolean): Promise<void> => {
      const sent = get(url, { agent: false, signal: leaving.signal });
      const closed = new Promise((resolve) => sent.on("error", () => undefined).on("close", resolve));
      sent.on("response", (answer) => (reads ? answer.resume() : answer.pause()).on("error", () => undefined));
      await closed;
    };
    const clients = Array.from({ length: 100 }, async (_, at) => {
      while (!leaving.signal.aborted) await ask(at % 2 === 0);
    });
    await pause(10_000);
    leaving.abort();
    await Promise.all(clients);
    expectMemoryOfChart(small, "a hundred clients");
  });
});
