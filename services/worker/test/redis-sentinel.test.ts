import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Message } from "@confab/contracts";
import { createMessages } from "@confab/database";
import {
  eventually,
  startRedisSentinel,
  startService,
  uniquePrefix,
  type RedisSentinel,
  type ServerHandle,
  type ServiceHandle,
} from "@confab/testkit";
import { openDatabase, type Chat } from "@confab/testkit/world";
import { expect } from "chai";

const [chatCount, clients] = [8, 8];

describe("Confab on a Redis with Sentinels", function () {
  this.timeout(180_000);
  let folder: string;
  let redis: RedisSentinel;
  let world: Awaited<ReturnType<typeof openDatabase>>;
  let env: Record<string, string>;
  let services: ServiceHandle[] = [];
  let token: string;
  let chats: Chat[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-sentinel-"));
    [redis, world] = await Promise.all([startRedisSentinel({ dir: folder, minReplicas: 1 }), openDatabase()]);
    env = {
      REDIS_URL: "",
      REDIS_SENTINELS: redis.sentinels,
      REDIS_MASTER_NAME: redis.masterName,
      REDIS_KEY_PREFIX: uniquePrefix("sentinel"),
      DATABASE_URL: world.url,
      SEARCH_BACKEND: "mysql",
      BATCH_OVERDUE_AFTER: "1s",
    };
    token = await world.newApplication();
    chats = await Promise.all(Array.from({ length: chatCount }, () => world.newChat(token)));
  });
  afterEach(() => Promise.all(services.map((service) => service.stop())));
  after(async () => {
    await world.close();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function startServices(minReplicas: number): Promise<void> {
    const replicas = { REDIS_MIN_REPLICAS: String(minReplicas) };
    services = await Promise.all([
      startService("ingest", { ...env, ...replicas }),
      startService("api", env),
      startService("worker", { ...env, ...replicas }),
    ]);
  }

  interface Acknowledged {
    chat: number;
    number: number;
    body: string;
    at: number;
  }

  /**
   * Sends from several clients during an event. Each message is repeated with the same key until it is acknowledged.
   */
  async function sendDuring(event: () => Promise<void>): Promise<Acknowledged[]> {
    const acknowledged: Acknowledged[] = [];
    let done = false;
    const sending = Array.from({ length: clients }, async (_, client) => {
      for (let index = 0; !done; index++) {
        const chat = chats[(client + index) % chatCount]!;
        const body = `client ${client} message ${index} ${randomUUID()}`;
        const answer = await sendUntilKnown(chat.number, body);
        acknowledged.push({ chat: chat.number, number: answer.number, body, at: performance.now() });
        await pause(10);
      }
    });
    await pause(500);
    await event();
    await pause(1500);
    done = true;
    await Promise.all(sending);
    return acknowledged;
  }

  async function sendUntilKnown(chat: number, body: string): Promise<Message> {
    const began = performance.now();
    while (performance.now() - began < 60_000) {
      const answer = await fetch(`${services[0]!.url}/messages`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": body.slice(-36) },
        body: JSON.stringify({ application_token: token, chat_number: chat, body }),
      });
      if (answer.status === 201) return (await answer.json()) as Message;
      expect(answer.status, await answer.text()).to.equal(503);
      await pause(100);
    }
    return expect.fail("the message was not acknowledged within a minute");
  }

  /** Expects that each acknowledged message is stored once, under its number. */
  async function expectStored(acknowledged: Acknowledged[]): Promise<void> {
    await eventually(
      async () => {
        for (const { id, number: chat } of chats) {
          const rows = await createMessages(world.database).range(id, { limit: 100_000 });
          const stored = new Map(rows.map(({ number, body }) => [number, body]));
          const bodies = new Set(rows.map(({ body }) => body));
          expect(bodies.size, "no message twice").to.equal(rows.length);
          for (const { number, body } of acknowledged.filter((entry) => entry.chat === chat)) {
            expect(stored.get(number), `message ${number} of chat ${chat}`).to.equal(body);
          }
        }
      },
      { timeoutMs: 40_000, intervalMs: 200 },
    );
    const numbers = acknowledged.map(({ chat, number }) => `${chat}:${number}`);
    expect(new Set(numbers).size, "no number twice").to.equal(numbers.length);
  }

  /** Returns the longest time without an acknowledgement, in milliseconds. */
  function longestGap(acknowledged: Acknowledged[]): number {
    const times = acknowledged.map(({ at }) => at).sort((a, b) => a - b);
    return Math.max(...times.slice(1).map((at, index) => at - times[index]!));
  }

  it("loses and duplicates nothing in a failover under load with two confirming replicas, and accepts again soon", async () => {
    await startServices(2);
    const before = await redis.master();
    let after: ServerHandle | undefined;
    const acknowledged = await sendDuring(async () => {
      after = await redis.failover();
    });
    expect(after).not.to.equal(before);
    await expectStored(acknowledged);
    expect(longestGap(acknowledged)).to.be.below(30_000);
  });

  it("loses and duplicates nothing when the master is killed with one confirming replica, and reads from the new one", async () => {
    await startServices(1);
    const before = await redis.master();
    const acknowledged = await sendDuring(async () => {
      await before.kill();
      await eventually(async () => expect(await redis.master()).not.to.equal(before), {
        timeoutMs: 30_000,
        intervalMs: 100,
      });
    });
    await expectStored(acknowledged);
    expect(longestGap(acknowledged)).to.be.below(20_000);
    const [chat] = chats;
    const { number, body } = await sendUntilKnown(chat!.number, `after ${randomUUID()}`);
    const read = await fetch(`${services[1]!.url}/applications/${token}/chats/${chat!.number}/messages/${number}`);
    expect(await read.json()).to.include({ number, body });
    await before.start();
  });
});
