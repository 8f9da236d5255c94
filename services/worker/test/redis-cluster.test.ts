import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Application, Chat, Message } from "@confab/contracts";
import { verifyCounts } from "@confab/database";
import { queueDepths, type QueueDepth } from "@confab/queue";
import { connectForRequests, whenReady, type RedisConnection } from "@confab/redis";
import {
  eventually,
  startRedisCluster,
  startService,
  uniquePrefix,
  type RedisCluster,
  type ServiceHandle,
} from "@confab/testkit";
import { openDatabase } from "@confab/testkit/world";
import { expect } from "chai";

const [partitions, chatCount, clients, messagesEach] = [6, 24, 8, 60];

describe("Confab on a Redis Cluster of three masters", function () {
  this.timeout(180_000);
  let folder: string;
  let cluster: RedisCluster;
  let world: Awaited<ReturnType<typeof openDatabase>>;
  let env: Record<string, string>;
  let services: Record<"ingest" | "api", ServiceHandle>;
  let worker: ServiceHandle | undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-cluster-"));
    [cluster, world] = await Promise.all([startRedisCluster({ dir: folder }), openDatabase()]);
    env = {
      // The URL of one node is enough to find the others.
      REDIS_URL: cluster.nodes[0]!.url,
      REDIS_CLUSTER: "on",
      PARTITIONS: String(partitions),
      REDIS_KEY_PREFIX: uniquePrefix("cluster"),
      DATABASE_URL: world.url,
      SEARCH_BACKEND: "mysql",
      BATCH_OVERDUE_AFTER: "1s",
    };
    const [ingest, api] = await Promise.all([startService("ingest", env), startService("api", env)]);
    services = { ingest, api };
  });
  after(async () => {
    await Promise.all([services.ingest.stop(), services.api.stop(), worker?.stop()]);
    await world.close();
    await cluster.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const post = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  const send = (to: ServiceHandle, { application_token, number }: Chat, body: string): Promise<Response> =>
    post(
      `${to.url}/messages`,
      { application_token, chat_number: number, body },
      { "Idempotency-Key": body.replaceAll(" ", "-") },
    );
  const read = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${services.api.url}${path}`);
    expect(response.status, path).to.equal(200);
    return (await response.json()) as T;
  };
  const pathOf = ({ application_token, number }: Chat): string => `/applications/${application_token}/chats/${number}`;

  async function createChats(count: number): Promise<Chat[]> {
    const created = await post(`${services.api.url}/applications`, { name: "cluster" });
    const { token } = (await created.json()) as Application;
    return Promise.all(
      Array.from({ length: count }, async () => {
        const chat = await post(`${services.api.url}/applications/${token}/chats`, {});
        return (await chat.json()) as Chat;
      }),
    );
  }

  async function onCluster<T>(work: (redis: RedisConnection) => Promise<T>): Promise<T> {
    const redis = connectForRequests({ url: cluster.url, cluster: true }, "test");
    redis.on("error", () => undefined);
    try {
      await whenReady(redis, 10_000);
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  }
  const depths = (): Promise<QueueDepth[]> =>
    onCluster((redis) => queueDepths(redis, env.REDIS_KEY_PREFIX!, partitions));
  const pendingCounts = (): Promise<number[]> =>
    onCluster((redis) =>
      Promise.all(
        Array.from({ length: partitions }, async (_, at) =>
          Number(await redis.get(`${env.REDIS_KEY_PREFIX!}:{p${at}}:pending`)),
        ),
      ),
    );

  it("shows accepted messages of every partition at once, and stores them when a worker starts", async () => {
    const chats = await createChats(chatCount);
    for (const chat of chats) {
      const sent = await send(services.ingest, chat, `Hello from chat ${chat.number}`);
      expect(sent.status).to.equal(201);
      const { number, body } = await read<Message>(`${pathOf(chat)}/messages/1`);
      expect({ number, body }).to.deep.equal({ number: 1, body: `Hello from chat ${chat.number}` });
      expect(await read<Message[]>(`${pathOf(chat)}/messages`)).to.have.length(1);
    }
    const pending = await pendingCounts();
    expect(pending.reduce((total, messages) => total + messages)).to.equal(chatCount);
    const waiting = (await depths()).filter(({ queue }) => queue === "messages").map(({ jobs }) => jobs.waiting);
    expect(waiting.filter((jobs) => jobs > 0).length)
      .to.equal(pending.filter((messages) => messages > 0).length)
      .and.to.be.above(1);

    worker = await startService("worker", env);
    await eventually(
      async () => {
        for (const chat of chats) expect((await read<Chat>(pathOf(chat))).messages_count).to.equal(1);
        for (const { jobs } of await depths()) expect(jobs).to.include({ waiting: 0, active: 0, failed: 0 });
      },
      { timeoutMs: 30_000, intervalMs: 200 },
    );
    expect(await read<Message[]>(`${pathOf(chats[3]!)}/messages/search?q=chat`)).to.have.length(1);
  });

  it("limits an application's messages and requests across processes", async () => {
    const few = {
      ...env,
      APPLICATION_MESSAGE_RATE: "1",
      APPLICATION_MESSAGE_BURST: "5",
      APPLICATION_REQUEST_RATE: "5",
    };
    const limited = await Promise.all([
      startService("ingest", few),
      startService("ingest", few),
      startService("api", few),
      startService("api", few),
    ]);
    const [chat] = await createChats(1);
    const sent = await Promise.all(
      Array.from({ length: 20 }, (_, index) => send(limited[index % 2]!, chat!, `limited ${index}`)),
    );
    const accepted = sent.filter(({ status }) => status === 201).length;
    expect(accepted).to.be.within(5, 8);
    expect(sent.filter(({ status }) => status === 429)).to.have.length(20 - accepted);
    // While Redis is slow, each process counts on its own. Afterwards, they count together.
    await eventually(async () => {
      const asked = await Promise.all(
        Array.from({ length: 30 }, (_, index) => fetch(`${limited[2 + (index % 2)]!.url}${pathOf(chat!)}`)),
      );
      expect(asked.filter(({ status }) => status === 429).length).to.be.at.least(10);
      expect(
        await onCluster((redis) => redis.exists(`${env.REDIS_KEY_PREFIX!}:rate:${chat!.application_token}`)),
      ).to.equal(1);
    });
    await Promise.all(limited.map((service) => service.stop()));
  });

  it("loses nothing and assigns no number twice while used slots move to another master", async () => {
    const chats = await createChats(chatCount);
    const acknowledged = new Map<string, string>();
    let isMoving = true;
    const sending = Promise.all(
      Array.from({ length: 16 }, async (_, client) => {
        for (let index = 0; isMoving && index < 2000; index++) {
          const chat = chats[(client + index) % chatCount]!;
          const body = `mover-${client}-${index}`;
          const answer = await send(services.ingest, chat, body);
          if (answer.status === 201) {
            const position = `${chat.number}/${((await answer.json()) as Message).number}`;
            expect(acknowledged.get(position), `${position} was assigned twice`).to.equal(undefined);
            acknowledged.set(position, body);
          } else expect(answer.status).to.equal(503);
          await pause(30);
        }
      }),
    );
    await pause(300);
    const busyKeys: string[] = [];
    for (let partition = 0; partition < partitions / 2; partition++) {
      const key = `${env.REDIS_KEY_PREFIX!}:{p${partition}}:batches`;
      const from = await cluster.ownerOf(key);
      busyKeys.push(...(await cluster.moveSlot({ from, to: (from + 1) % 3, key, pauseMs: 20 })));
    }
    await pause(300);
    isMoving = false;
    await sending;
    expect(busyKeys.filter((key) => !key.includes(":messages:") && !key.includes(":search:"))).to.deep.equal([]);
    expect(acknowledged.size).to.be.above(100);
    await eventually(
      async () => {
        const pending = await pendingCounts();
        expect(pending).to.deep.equal(pending.map(() => 0));
      },
      { timeoutMs: 40_000, intervalMs: 300 },
    );
    const rows = await world.database.prisma.message.findMany({
      where: { body: { startsWith: "mover-" } },
      select: { body: true, number: true, chatId: true },
    });
    const names = await world.database.prisma.chat.findMany({
      where: { application: { token: chats[0]!.application_token } },
    });
    const numberOf = new Map(names.map(({ id, number }) => [id, number]));
    const found = new Map(rows.map(({ chatId, number, body }) => [`${numberOf.get(chatId)!}/${number}`, body]));
    for (const [position, body] of acknowledged) expect(found.get(position), position).to.equal(body);
    expect(new Set(found.values()).size, "each once").to.equal(found.size);
    for await (const difference of verifyCounts(world.database)) expect.fail(JSON.stringify(difference));
  });

  it("loses no acknowledged message while a master is down, and serves the chats of the others", async () => {
    const chats = await createChats(chatCount);
    const acknowledged: { chat: number; number: number; body: string }[] = [];
    let isDown = false;
    let whileDown = 0;
    /** Sends a message with the same key until it is acknowledged. */
    async function sendUntilKnown(chat: Chat, body: string): Promise<void> {
      for (;;) {
        const answer = await send(services.ingest, chat, body);
        if (answer.status === 201) {
          acknowledged.push({ chat: chat.number, number: ((await answer.json()) as Message).number, body });
          if (isDown) whileDown += 1;
          return;
        }
        expect(answer.status).to.equal(503);
        expect(answer.headers.get("Content-Type")).to.include("problem+json");
        expect(Number(answer.headers.get("Retry-After"))).to.be.at.least(1);
        await pause(100);
      }
    }
    const sending = Promise.all(
      Array.from({ length: clients }, async (_, client) => {
        for (let index = 0; index < messagesEach; index++) {
          await sendUntilKnown(chats[(client + index) % chatCount]!, `client-${client}-message-${index}`);
          await pause(60);
        }
      }),
    );

    await pause(500);
    // This chooses the master with the fewest partitions, so that the others still have chats.
    const owners = await Promise.all(
      Array.from({ length: partitions }, (_, at) => cluster.ownerOf(`${env.REDIS_KEY_PREFIX!}:{p${at}}:batches`)),
    );
    const share = (owner: number): number => owners.filter((other) => other === owner).length;
    const victim = cluster.nodes[owners.toSorted((a, b) => share(a) - share(b))[0]!]!;
    await victim.kill();
    isDown = true;
    const unaffected = await eventually(async () => {
      const answers = await Promise.all(chats.map((chat) => send(services.ingest, chat, `probe ${chat.number}`)));
      const count = answers.filter(({ status }) => status === 201).length;
      expect(count).to.be.within(1, chatCount - 1);
      return count;
    });
    expect(unaffected).to.be.at.least(1);
    // The pause is longer than the cluster needs to mark the master as failed.
    await pause(3000);
    const readiness = (await (await fetch(`${services.ingest.adminUrl}/readyz`)).json()) as {
      ok: boolean;
      checks: Record<string, { ok: boolean }>;
    };
    expect(readiness.ok).to.equal(true);
    expect(readiness.checks.partitions!.ok).to.equal(false);
    isDown = false;
    await victim.start();
    await sending;
    for (const chat of chats) await sendUntilKnown(chat, `probe ${chat.number}`);

    expect(acknowledged).to.have.length(clients * messagesEach + chatCount);
    expect(whileDown).to.be.above(0);
    await eventually(
      async () => {
        for (const chat of chats) {
          const expected = acknowledged.filter((entry) => entry.chat === chat.number);
          expect((await read<Chat>(pathOf(chat))).messages_count).to.equal(expected.length);
        }
      },
      { timeoutMs: 60_000, intervalMs: 300 },
    );
    for (const chat of chats) {
      const listed = await read<Message[]>(`${pathOf(chat)}/messages?limit=200`);
      expect(listed.map(({ number }) => number)).to.deep.equal(listed.map((_, index) => index + 1));
      const expected = acknowledged.filter((entry) => entry.chat === chat.number).sort((a, b) => a.number - b.number);
      expect(listed.map(({ body }) => body)).to.deep.equal(expected.map(({ body }) => body));
    }
    for await (const difference of verifyCounts(world.database)) expect.fail(JSON.stringify(difference));
    await eventually(async () => {
      expect((await fetch(`${services.ingest.adminUrl}/readyz`)).status).to.equal(200);
      for (const { jobs } of await depths()) expect(jobs).to.include({ waiting: 0, active: 0, failed: 0 });
    });
  });
});
