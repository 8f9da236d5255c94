import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { isList, routes, type Route, type RouteName } from "@confab/contracts";
import { longestBlock, startService, testStores } from "@confab/testkit";
import { expect } from "chai";
import { createLargest } from "./largest.ts";
import { startApi, type Api } from "./start.ts";
import { openWorld, type Chat, type World } from "./world.ts";

const maxMs = 50;
const mebibyte = 1024 * 1024;
/** A byte of a text has at most six in JSON. Beside the contents, items have other fields. */
const maxAnswerBytes = 6.5 * mebibyte;

/** The most expensive request that is known for a route; absent if the route is not one of this service. */
interface Costly {
  readonly path: (chat: Chat) => string;
  readonly body?: object | string;
}

const metadata = (bytes: number) => ({ a: Array<object>(Math.floor((bytes - 20) / 3)).fill({}) });
const ofApplication = (end: string): Costly => ({ path: ({ token }) => `/applications/${token}${end}` });
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
  rotateKey: ofApplication("/keys/00000000/rotate"),
  revokeKey: ofApplication("/keys/00000000"),
  createAdminKey: { path: () => "/admin/keys", body: { name: "n".repeat(255), scopes: ["read"] } },
  listAdminKeys: { path: () => `/admin/keys?${all}` },
  rotateAdminKey: { path: () => "/admin/keys/00000000/rotate" },
  revokeAdminKey: { path: () => "/admin/keys/00000000" },
  createTicket: ofApplication("/tickets"),
  uploadKey: { ...ofApplication("/public-keys"), body: uploaded },
  deleteMessage: ofChat("/messages/4"),
  deleteChat: ofChat("", 4),
  deleteApplication: { path: () => "/applications/2f0c8a9e-5d0b-4b52-9a63-0c6ab5c3b6f1" },
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

describe("the most expensive request of each route", function () {
  this.timeout(120_000);
  let world: World;
  let chat: Chat;
  let api: Api;
  const env = { SEARCH_BACKEND: "mysql", RATE_LIMITS: "off", ADMIN_API_KEY: "admin-key-for-tests" };
  const table = Object.entries(costly).flatMap(([name, entry]) => (entry ? [[name as RouteName, entry] as const] : []));
  before(async () => {
    world = await openWorld();
    chat = await createLargest(world);
    api = await startApi(world, { ...env, LOG_LEVEL: "error" });
  });
  after(async () => {
    await api.stop();
    await world.close();
  });

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
        const { status, bytes } = await pass(api.url + path(chat), route, body);
        if (isList(route)) expect(status).to.equal(200);
        expect(status).to.be.below(500);
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

  it("leaves the process within the memory of the chart, six at a time", async () => {
    const small = await startService("api", {
      ...{ REDIS_URL: testStores().redisUrl, DATABASE_URL: world.url, REDIS_KEY_PREFIX: world.prefix },
      ...{ ...env, LOG_LEVEL: "error", NODE_OPTIONS: "--max-old-space-size=384" },
    });
    try {
      for (const [name, { path, body }] of table) {
        const route: Route = routes[name];
        await Promise.all(Array.from({ length: 6 }, () => pass(small.url + path(chat), route, body)));
        const peak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${small.pid}/status`, "utf8"))?.[1]) / 1024;
        if (process.env.CONFAB_SHOW_FIGURES !== undefined) process.stdout.write(`${name}: ${Math.round(peak)} MiB\n`);
        expect(peak, name).to.be.below(512);
      }
    } finally {
      await small.stop();
    }
  });
});
