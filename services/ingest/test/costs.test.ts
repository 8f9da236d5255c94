import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createKey } from "@confab/access";
import { routes, scopeNames, type Route } from "@confab/contracts";
import { createKeys } from "@confab/database";
import { createUuid7 } from "@confab/runtime";
import {
  startRedis,
  startService,
  uniquePrefix,
  useForAll,
  type ServerHandle,
  type ServiceHandle,
} from "@confab/testkit";
import { expect } from "chai";
import { SignJWT } from "jose";
import { openWorld, type Chat } from "./start.ts";

const maxMs = 50;
const mebibyte = 1024 * 1024;
/** The limits are off, because refused messages would cost less. */
const unlimited = { RATE_LIMITS: "off", MAX_IDEMPOTENCY_KEYS: "100000000", REDIS_MEMORY_LIMIT_RATIO: "0.95" };
const [json, ndjson] = ["application/json", "application/x-ndjson"] as const;

interface Costly {
  /** Returns the body of a request, which differs from call to call. */
  readonly body: (chats: readonly Chat[]) => string;
  readonly type?: typeof json | typeof ndjson;
  /** Whether a user sends the request with a user token that names many chats. */
  readonly byUser?: boolean;
  readonly status: number;
}

const crowded = (bytes: number): object => ({ a: Array<object>(Math.floor((bytes - 20) / 3)).fill({}) });
const controls = "\u0001".repeat(65_535);
const items = (count: number, chats: readonly Chat[], fields: (at: number) => object): string[] =>
  Array.from({ length: count }, (_, at) => {
    const { token, number } = chats[at % chats.length]!;
    return JSON.stringify({ application_token: token, chat_number: number, body: "x", ...fields(at) });
  });
const asBatch = (of: string[]): string => `{"messages":[${of.join(",")}]}`;
const one =
  (fields: object): Costly["body"] =>
  ([chat]) =>
    items(1, [chat!], () => fields)[0]!;
const many =
  (count: number, fields: (at: number) => object): Costly["body"] =>
  (chats) =>
    asBatch(items(count, chats, fields));
const wrong = { body: 5, metadata: [], sender: 7, reply_to: -1, idempotency_key: "", chat_number: 0 };
const invented = () => ({ application_token: createUuid7() });

/** The requests with the highest cost per byte, by route. Every route has some. */
const costly: Record<string, Record<string, Costly>> = {
  createMessage: {
    "a body that is six times as long in JSON": {
      body: one({ body: controls, metadata: crowded(4_000) }),
      status: 201,
    },
    "a body of two-byte characters": { body: one({ body: "é".repeat(32_000) }), status: 201 },
    "crowded metadata": { body: one({ metadata: crowded(4_000) }), status: 201 },
    "many unknown values": { body: one({ more: crowded(300_000) }), status: 422 },
    "a user token that names many chats": { body: one({ metadata: crowded(4_000) }), byUser: true, status: 201 },
  },
  createMessages: {
    "a thousand messages of 8 KB": { body: many(1_000, () => ({ body: "e ".repeat(4_000) })), status: 200 },
    "the largest messages": { body: many(120, () => ({ body: "x".repeat(65_535) })), status: 200 },
    "bodies that are six times as long in JSON": { body: many(20, () => ({ body: controls })), status: 200 },
    "crowded metadata": { body: many(1_000, () => ({ metadata: crowded(4_000) })), status: 200 },
    "crowded metadata in lines": {
      body: (chats) => items(1_000, chats, () => ({ metadata: crowded(4_000) })).join("\n"),
      type: ndjson,
      status: 200,
    },
    "a key for each": { body: many(1_000, () => ({ idempotency_key: createUuid7() })), status: 200 },
    "a key without a time for each": {
      body: many(1_000, (at) => ({ idempotency_key: `${at} ${createUuid7()}` })),
      status: 200,
    },
    "a thousand mistakes": { body: many(1_000, () => wrong), status: 200 },
    "a hundred values in each": { body: many(1_000, () => ({ more: crowded(150) })), status: 200 },
    "a thousand made-up tokens": { body: many(1_000, () => ({ ...invented(), body: "x".repeat(8_000) })), status: 200 },
    "a user token that names many chats": {
      body: many(1_000, () => ({ idempotency_key: createUuid7() })),
      byUser: true,
      status: 200,
    },
  },
};

describe("the most expensive requests of each route of ingest", function () {
  this.timeout(120_000);
  let folder: string;
  let turns: string;
  let redis: ServerHandle;
  let service: ServiceHandle;
  let chats: Chat[];
  let user: Record<string, string>;
  const world = useForAll(openWorld);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-costs-"));
    turns = join(folder, "turns");
    redis = await startRedis({ dir: folder });
    const first = await world.newChat();
    chats = [first];
    while (chats.length < 100) chats.push(await world.newChat(first.token));
    service = await startService("ingest", {
      ...unlimited,
      DATABASE_URL: world.url,
      REDIS_URL: redis.url,
      REDIS_KEY_PREFIX: uniquePrefix("costs"),
      NODE_OPTIONS: `--max-old-space-size=384 --import ${join(import.meta.dirname, "fixtures/measure-turns.ts")}`,
      TURNS_FILE: turns,
    });
    const { keyId, hash } = createKey("application");
    const stored = { keyId, hash, name: "test", scopes: scopeNames, expiresAt: null };
    await createKeys(world.database).create(first.token, stored, { name: "test" });
    const now = Math.floor(Date.now() / 1_000);
    const numbers = Array.from({ length: 800 }, (_, at) => at + 1).join(",");
    const text = await new SignJWT({ sub: "anna", iat: now, exp: now + 3_600, chats: { [numbers]: ["write"] } })
      .setProtectedHeader({ alg: "HS256", kid: keyId })
      .sign(hash);
    user = { authorization: `Bearer ${text}` };
  });
  after(async () => {
    await service.stop();
    await redis.kill();
    await rm(folder, { recursive: true, force: true });
  });

  async function post(path: string, { body: make, type = json, byUser }: Costly): Promise<number> {
    const body = Buffer.from(make(chats));
    const sent = request(`${service.url}${path}`, {
      method: "POST",
      headers: { "content-type": type, "content-length": body.length, ...(byUser === true && user) },
    });
    sent.end(body);
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    await once(answer.resume(), "end");
    return answer.statusCode!;
  }

  it("are known for all routes of this service", () => {
    const mine = Object.entries<Route>(routes).filter(([, { service }]) => service === "ingest");
    expect(Object.keys(costly)).to.have.members(mine.map(([name]) => name));
  });

  for (const [name, requests] of Object.entries(costly)) {
    const { path }: Route = routes[name as keyof typeof routes];
    for (const [what, costs] of Object.entries(requests)) {
      it(`do not block others: ${name} with ${what}`, async () => {
        let longest = Infinity;
        // The best of several runs counts, because compilation and garbage from earlier requests also take time.
        for (let run = 0; run < 4; run += 1) {
          await writeFile(turns, "");
          expect(await post(path, costs)).to.equal(costs.status);
          await pause(30);
          longest = Math.min(longest, Math.max(0, ...(await readFile(turns, "utf8")).split("\n").map(Number)));
        }
        if (process.env.CONFAB_SHOW_FIGURES !== undefined) process.stdout.write(`${name}, ${what}: ${longest} ms\n`);
        expect(longest, "milliseconds in one turn").to.be.below(maxMs);
      });
    }
  }

  it("leave the process within the memory of the chart, six at a time", async () => {
    for (const [name, requests] of Object.entries(costly)) {
      const { path }: Route = routes[name as keyof typeof routes];
      for (const [what, costs] of Object.entries(requests)) {
        await Promise.all(Array.from({ length: 6 }, () => post(path, costs)));
        const status = await readFile(`/proc/${service.pid}/status`, "utf8");
        const peak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
        if (process.env.CONFAB_SHOW_FIGURES !== undefined)
          process.stdout.write(`${name}, ${what}: ${Math.round(peak / mebibyte)} MiB\n`);
        expect(peak, what).to.be.below(512 * mebibyte);
      }
    }
  });
});
