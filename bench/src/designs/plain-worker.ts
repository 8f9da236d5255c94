import { randomBytes } from "node:crypto";
import { createDatabase } from "@confab/database";
import { Worker } from "bullmq";
import { Redis } from "ioredis";
import { isReady, plainQueue, plainSettings, type PlainJob } from "./plain-process.ts";

const concurrency = 50;

const { redisUrl, databaseUrl, prefix } = plainSettings(process.env);
// Each running job needs a session. With fewer sessions, transactions would wait for one and time out.
const { prisma } = createDatabase({ url: databaseUrl, poolSize: concurrency, acquireTimeoutMs: 10_000 });

const worker = new Worker<PlainJob>(
  plainQueue,
  async ({ data: { chatId, number, body, createdAt } }) => {
    const id = BigInt(chatId);
    const at = new Date(createdAt);
    // The INSERT comes first, so that the lock on the chat's count is held for one statement only. All writers of the
    // chat wait for that lock.
    await prisma.$transaction([
      prisma.message.createMany({
        data: [{ chatId: id, number, uid: randomBytes(16), body, createdAt: at, updatedAt: at }],
      }),
      prisma.chat.updateMany({ where: { id }, data: { messagesCount: { increment: 1 } } }),
    ]);
  },
  { connection: new Redis(redisUrl, { maxRetriesPerRequest: null }), prefix, concurrency },
);
worker.on("failed", (_job, error) => {
  console.error(`plain worker: ${error.message}`);
});
await worker.waitUntilReady();
isReady(0);
