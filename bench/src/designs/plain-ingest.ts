import { createMessageSchema } from "@confab/contracts";
import { createChats, createDatabase } from "@confab/database";
import { Queue } from "bullmq";
import express from "express";
import { Redis } from "ioredis";
import { isReady, plainQueue, plainSettings, type PlainJob } from "./plain-process.ts";

// The plain design works like a typical first version: INCR for the number, then one job with the body, then 201.
const { redisUrl, databaseUrl, prefix } = plainSettings(process.env);
const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
const queue = new Queue<PlainJob>(plainQueue, { connection: redis, prefix });
const chats = createChats(createDatabase({ url: databaseUrl }));
const chatIds = new Map<string, string>();

const app = express();
app.disable("x-powered-by");
app.use(express.json());
app.post("/messages", async (request, response) => {
  const parsed = createMessageSchema.safeParse(request.body);
  if (!parsed.success) {
    response.status(422).json({ title: "Validation failed", errors: parsed.error.issues });
    return;
  }
  const { application_token, chat_number, body } = parsed.data;
  const chatId = await findChat(application_token, chat_number);
  if (chatId === undefined) {
    response.status(404).json({ title: "Chat not found" });
    return;
  }
  const number = await redis.incr(`${prefix}:number:${chatId}`);
  const created_at = new Date().toISOString();
  await queue.add(
    "store",
    { chatId, number, body, createdAt: created_at },
    { attempts: 5, backoff: { type: "exponential", delay: 100 }, removeOnComplete: true },
  );
  response
    .status(201)
    .location(`/applications/${application_token}/chats/${chat_number}/messages/${number}`)
    .json({ application_token, chat_number, number, body, created_at, updated_at: created_at });
});

const server = app.listen(0, "127.0.0.1", () => {
  const address = server.address();
  isReady(typeof address === "object" && address !== null ? address.port : 0);
});

async function findChat(token: string, number: number): Promise<string | undefined> {
  const key = `${token}:${number}`;
  const known = chatIds.get(key);
  if (known !== undefined) return known;
  const id = (await chats.find(token, number))?.id.toString();
  if (id !== undefined) chatIds.set(key, id);
  return id;
}
