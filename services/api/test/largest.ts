import { hostileTexts } from "@confab/testkit";
import { keyMaker } from "./key-world.ts";
import type { Chat, World } from "./world.ts";

/** Number of items of each kind, one more than a page can have. */
const items = 201;
/** Returns JSON of at most this many bytes, with as many values as possible. */
function manyValues(bytes: number): string {
  return `{"a":[${Array<string>(Math.floor((bytes - 20) / 3))
    .fill("{}")
    .join(",")}]}`;
}
/** Metadata with about as many values as the limits allow: 16 KiB for a chat, 4 KiB for a message. */
const chatMetadata = manyValues(15_000);
const messageMetadata = manyValues(4_000);
const body = hostileTexts["controls, six times as long in JSON"]!;

/** Creates an application in which every list has more and larger items than one page holds. */
export async function createLargest({ database, newChat, newApplication }: World): Promise<Chat> {
  const { prisma } = database;
  const chat = await newChat();
  const now = new Date();
  const { id: applicationId } = await prisma.application.findUniqueOrThrow({ where: { token: chat.token } });
  const numbers = Array.from({ length: items }, (_, at) => at + 1);
  const times = { createdAt: now, updatedAt: now };
  await prisma.chat.createMany({
    data: numbers.map((number) => ({
      applicationId,
      number: number + 1,
      name: "n".repeat(255),
      metadata: chatMetadata,
      ...times,
      lastMessageAt: now,
      lastMessageNumber: 1,
    })),
  });
  await prisma.application.update({ where: { id: applicationId }, data: { lastChatNumber: items + 1 } });
  for (const number of numbers) {
    await prisma.message.create({
      data: {
        chatId: chat.id,
        number,
        uid: Buffer.alloc(16, number),
        body,
        metadata: messageMetadata,
        ...times,
        editedAt: now,
        version: number === 1 ? items + 1 : 2,
        changeNumber: number,
      },
    });
  }
  const ofChat = numbers.map((number) => ({ chatId: chat.id, number }));
  await prisma.messageChange.createMany({ data: ofChat.map((key) => ({ ...key, changeNumber: key.number })) });
  for (const version of numbers) {
    await prisma.messageVersion.create({
      data: { chatId: chat.id, number: 1, version, body, metadata: messageMetadata, createdAt: now },
    });
  }
  await prisma.read.createMany({
    data: numbers.map((number) => ({
      chatId: chat.id,
      number: 1,
      updatedAt: now,
      reader: Buffer.from(`${number}-${"\u0001".repeat(250)}`),
    })),
  });
  await prisma.chat.update({
    where: { id: chat.id },
    data: { messagesCount: items, lastMessageNumber: items, lastMessageAt: now, lastChangeNumber: items },
  });
  const keys = keyMaker({ database });
  for (let at = 0; at < items; at += 1) {
    await keys.make(chat.token);
    await keys.make(null);
    await newApplication();
  }
  return chat;
}
