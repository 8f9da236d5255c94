import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createMessages, verifyCounts } from "@confab/database";
import { eventually, freePort, startRedis, startService, uniquePrefix } from "@confab/testkit";
import { openDatabase } from "@confab/testkit/world";
import { expect } from "chai";

interface Acknowledged {
  chat: number;
  number: number;
  body: string;
}

const [clients, chatCount, messagesEach] = [8, 5, 60];

describe("Confab while every process is killed in turn", function () {
  this.timeout(180_000);

  it("stores every acknowledged message once, under its number, and counts it", async () => {
    const dir = await mkdtemp(join(tmpdir(), "confab-crash-"));
    const redis = await startRedis({ dir });
    const { url, database, newApplication, newChat, close } = await openDatabase();
    const token = await newApplication();
    const chats = await Promise.all(Array.from({ length: chatCount }, () => newChat(token)));
    const name = uniquePrefix("crash");
    const env = {
      REDIS_URL: redis.url,
      DATABASE_URL: url,
      REDIS_KEY_PREFIX: name,
      SEARCH_INDEX: name,
      LOG_LEVEL: "warn",
      BATCH_OVERDUE_AFTER: "1s",
    };
    const port = String(await freePort());
    let ingest = await startService("ingest", { ...env, PORT: port });
    let worker = await startService("worker", env);

    const acknowledged: Acknowledged[] = [];
    let running = true;
    /** Sends a message with the same key until it is acknowledged. */
    async function sendUntilKnown(chat: number, body: string): Promise<void> {
      for (;;) {
        const answer = await fetch(`http://127.0.0.1:${port}/messages`, {
          method: "POST",
          headers: { "Content-Type": "application/json", "Idempotency-Key": body },
          body: JSON.stringify({ application_token: token, chat_number: chat, body }),
        }).catch(() => undefined);
        if (answer?.status === 201) {
          const { number } = (await answer.json()) as { number: number };
          acknowledged.push({ chat, number, body });
          return;
        }
        if (answer) expect(answer.status, "while a process is down").to.equal(503);
        await pause(50);
      }
    }
    const sending = Promise.all(
      Array.from({ length: clients }, async (_, client) => {
        for (let index = 0; index < messagesEach; index++) {
          await sendUntilKnown(((client + index) % chatCount) + 1, `client-${client}-message-${index}`);
          // The pause spreads the messages over the faults.
          if (running) await pause(60);
        }
      }),
    );

    await pause(500);
    await worker.kill();
    worker = await startService("worker", env);
    await ingest.kill();
    ingest = await startService("ingest", { ...env, PORT: port });
    await redis.kill();
    await pause(300);
    await redis.start();
    await pause(300);
    await worker.kill();
    worker = await startService("worker", env);
    running = false;
    await sending;

    expect(acknowledged).to.have.length(clients * messagesEach);
    const messages = createMessages(database);
    await eventually(
      async () => {
        const rows = (await Promise.all(chats.map((chat) => messages.range(chat.id, { limit: 10_000 })))).flat();
        expect(rows).to.have.length(clients * messagesEach);
      },
      { timeoutMs: 40_000, intervalMs: 200 },
    );
    for (const chat of chats) {
      const rows = await messages.range(chat.id, { limit: 10_000 });
      expect(rows.map(({ number }) => number)).to.deep.equal(rows.map((_, index) => index + 1));
      const expected = acknowledged.filter((entry) => entry.chat === chat.number).sort((a, b) => a.number - b.number);
      expect(rows.map(({ body }) => body)).to.deep.equal(expected.map(({ body }) => body));
    }
    for await (const difference of verifyCounts(database)) expect.fail(JSON.stringify(difference));

    await Promise.all([ingest.stop(), worker.stop()]);
    expect(await Promise.all([ingest.exit, worker.exit])).to.deep.equal([0, 0]);
    await close();
    await redis.stop();
    await rm(dir, { recursive: true, force: true });
  });
});
