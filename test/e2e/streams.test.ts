import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { messageSchema, type Message } from "@confab/contracts";
import { eventually, freePort, startRedis, startService, uniquePrefix, type ServiceHandle } from "@confab/testkit";
import { openDatabase } from "@confab/testkit/world";
import { expect } from "chai";
import { faultsOf, follow, type SeenEvent } from "./following.ts";

/** `CONFAB_STREAM_SEEDS=10` runs ten seeds, one after another. */
const seeds = Number(process.env.CONFAB_STREAM_SEEDS ?? 1);
const chatCount = 3;
const returnsWanted = 100;

describe("readers of live streams while every process is killed in turn", function () {
  this.timeout(180_000);

  for (let seed = 1; seed <= seeds; seed += 1) {
    it(`miss nothing and receive nothing twice, however often they come back (seed ${seed})`, async () => {
      const { readers, chats, counts } = await run(seed);
      for (const { name, events, returns } of readers) {
        expect(returns, name).to.be.at.least(returnsWanted);
        for (const { number: chat, listed, lastChange } of chats) {
          const own = events.filter(({ data }) => data.chat_number === chat);
          if (own.length === 0 && name !== "chats") continue;
          expect(faultsOf(own), `${name}, chat ${chat}`).to.deep.equal({ holes: [], repeats: [] });
          expect(stateOf(own), `${name}, chat ${chat}: the list`).to.deep.equal(listed);
          expect(highestChange(own), `${name}, chat ${chat}: all changes`).to.equal(lastChange);
        }
      }
      if (seeds > 1) process.stdout.write(`      seed ${seed}: ${JSON.stringify(counts)}\n`);
    });
  }
});

async function run(seed: number) {
  const random = randomOf(seed);
  const dir = await mkdtemp(join(tmpdir(), "confab-streams-"));
  const redis = await startRedis({ dir });
  const { url, database, newApplication, newChat, close } = await openDatabase();
  const token = await newApplication();
  for (let at = 0; at < chatCount; at += 1) await newChat(token);
  const name = uniquePrefix("streams");
  const env = {
    REDIS_URL: redis.url,
    DATABASE_URL: url,
    REDIS_KEY_PREFIX: name,
    SEARCH_BACKEND: "mysql",
    LOG_LEVEL: "warn",
    RATE_LIMITS: "off",
    BATCH_OVERDUE_AFTER: "1s",
  };
  const ports = { ingest: String(await freePort()), api: String(await freePort()) };
  const start = {
    ingest: () => startService("ingest", { ...env, PORT: ports.ingest }),
    api: () => startService("api", { ...env, PORT: ports.api }),
    worker: () => startService("worker", env),
  };
  const services = { ingest: await start.ingest(), api: await start.api(), worker: await start.worker() };
  const base = `http://127.0.0.1:${ports.api}/applications/${token}`;
  const followed = {
    chat: follow(`${base}/chats/1/messages/stream?after=0`),
    chats: follow(`${base}/stream?chats=1,2,3&after=0`),
  };
  const sent = [0, 0, 0];
  const counts = { messages: 0, edits: 0, deletions: 0, kills: 0, returns: [0, 0] };
  const state = { isOver: false };

  const writing = [0, 1, 2].map(async (at) => {
    while (!state.isOver) {
      const body = { application_token: token, chat_number: at + 1, body: `message ${random()}` };
      const headers = { "Content-Type": "application/json", "Idempotency-Key": `${at}-${sent[at]!}` };
      const init = { method: "POST", headers, body: JSON.stringify(body) };
      const answer = await fetch(`http://127.0.0.1:${ports.ingest}/messages`, init).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.status === 201) sent[at]! += 1;
      await pause(10 + 40 * random());
    }
  });
  const changing = (async () => {
    while (!state.isOver) {
      const at = Math.floor(chatCount * random());
      const path = `${base}/chats/${at + 1}/messages/${1 + Math.floor(random() * sent[at]!)}`;
      const isEdit = random() < 0.8;
      const init = isEdit
        ? { method: "PATCH", headers: { "Content-Type": "application/json" }, body: `{"body":"edit ${random()}"}` }
        : { method: "DELETE" };
      const answer = await fetch(path, init).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok === true) counts[isEdit ? "edits" : "deletions"] += 1;
      await pause(60 * random());
    }
  })();
  const dropping = Object.values(followed).map(async (reader) => {
    while (!state.isOver) {
      await pause(250 * random());
      reader.drop();
    }
  });

  const hasReturned = () => Object.values(followed).every((reader) => reader.returns() >= returnsWanted);
  while (!hasReturned() || counts.kills < 4) {
    const victims = shuffled(["ingest", "api", "worker", "redis"] as const, random);
    for (const victim of victims) {
      await pause(1_500 * random());
      counts.kills += 1;
      if (victim === "redis") {
        await redis.kill();
        await pause(500 * random());
        await redis.start();
      } else {
        await services[victim].kill();
        services[victim] = await start[victim]();
      }
    }
  }
  state.isOver = true;
  await Promise.all([...writing, changing, ...dropping]);

  // The last changes arrive once everything is stored.
  const rows = () => database.prisma.chat.findMany({ orderBy: { number: "asc" } });
  await eventually(
    async () => {
      expect((await rows()).map(({ lastMessageNumber }) => lastMessageNumber)).to.satisfy((last: number[]) =>
        last.every((number, at) => number >= sent[at]!),
      );
    },
    { timeoutMs: 40_000 },
  );
  const chats = await Promise.all(
    (await rows()).map(async ({ number, lastChangeNumber, lastMessageNumber }) => ({
      number,
      lastChange: lastChangeNumber,
      listed: await listWhole(`${base}/chats/${number}/messages`, lastMessageNumber),
    })),
  );
  await eventually(
    () => {
      for (const { number, listed } of chats) {
        expect(stateOf(followed.chats.events.filter(({ data }) => data.chat_number === number))).to.deep.equal(listed);
        if (number === 1) expect(stateOf(followed.chat.events)).to.deep.equal(listed);
      }
    },
    { timeoutMs: 20_000 },
  ).catch(() => undefined);
  await Promise.all(Object.values(followed).map((reader) => reader.stop()));
  await Promise.all(Object.values(services).map((service: ServiceHandle) => service.stop()));
  await close();
  await redis.stop();
  await rm(dir, { recursive: true, force: true });
  counts.messages = chats.reduce((sum, { listed }) => sum + listed.length, 0);
  counts.returns = Object.values(followed).map((reader) => reader.returns());
  const readers = Object.entries(followed).map(([reader, following]) => ({
    name: reader,
    events: following.events,
    returns: following.returns(),
  }));
  return { readers, chats, counts };
}

/**
 * Reads the list up to its last message. While the api does not reach Redis yet, it ends before numbers that may be
 * pending.
 */
function listWhole(path: string, last: number): Promise<Message[]> {
  return eventually(
    async () => {
      const listed = await listAll(path);
      expect(listed.at(-1)?.number ?? 0).to.be.at.least(last);
      return listed;
    },
    { timeoutMs: 20_000 },
  );
}

async function listAll(path: string): Promise<Message[]> {
  const all: Message[] = [];
  for (;;) {
    const answer = await fetch(`${path}?limit=200&after=${all.at(-1)?.number ?? 0}`);
    const page = messageSchema.array().parse(await answer.json());
    if (page.length === 0) return all;
    all.push(...page);
  }
}

/** Returns the state that a reader knows: each message as its last event had it. */
function stateOf(events: readonly SeenEvent[]): Message[] {
  const state = new Map<number, Message>();
  for (const { event, data } of events) {
    if (event === "message" || event === "edited" || event === "deleted") {
      const message = messageSchema.parse(data);
      state.set(message.number, message);
    }
  }
  return [...state.values()].sort((a, b) => a.number - b.number);
}

/** Returns the highest change number in the ids or the messages. */
function highestChange(events: readonly SeenEvent[]): number {
  return Math.max(0, ...events.map(({ data }) => Number(data.change_number ?? data.change ?? 0)));
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => [random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

/** Returns the same numbers for the same seed (Mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
