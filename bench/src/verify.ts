import { createHash } from "node:crypto";
import { createMessages, type Database, type MessageWithApplication } from "@confab/database";
import { createPendingMessages } from "@confab/pending";
import { verify, type ElasticsearchIndex } from "@confab/search";
import { Redis } from "ioredis";
import { prefix } from "./designs/design.ts";
import { bodiesOf, type Target } from "./load/messages.ts";
import type { Stores } from "./world.ts";

/** The number of messages in one chat, and a digest of their numbers and bodies. */
export interface ChatContent {
  readonly count: number;
  readonly digest: string;
}

export interface Contents {
  /** Contents of the chats, in the order of their numbers. */
  readonly chats: readonly ChatContent[];
  /**
   * One fault per wrong chat. A chat is right if its numbers are exactly 1 to N, and if each text is one of the sent
   * texts.
   */
  readonly faults: readonly string[];
}

/** Returns the number of messages in all chats. */
export function countOf({ chats }: Pick<Contents, "chats">): number {
  return chats.reduce((sum, { count }) => sum + count, 0);
}

/**
 * Returns a fault if the number of messages does not fit the number of answers. When the load ends, it does not wait
 * for open requests, so each of the `open` messages may or may not have been accepted.
 */
export function faultsOfCount(held: number, answered: number, open: number): string[] {
  if (held >= answered && held <= answered + open) return [];
  return [`${answered} messages were answered, but ${held} exist`];
}

const numbersAtOnce = 10_000;
const rowsAtOnce = 1_000;

/** Reads the messages that are pending in Redis, with the same functions as the api. */
export async function readPending({ redisUrl }: Stores, { token, chats }: Target): Promise<Contents> {
  const redis = new Redis(redisUrl);
  try {
    const pending = createPendingMessages(redis, { prefix, partitions: 1 });
    return await readContents(chats, async function* (number) {
      const last = (await pending.head({ token, number }))?.last ?? 0;
      for (let from = 1; from <= last; from += numbersAtOnce) {
        const to = Math.min(last, from + numbersAtOnce - 1);
        const { messages } = await pending.read({ token, number }, [from, to]);
        for (let at = from; at <= to; at += 1) yield { number: at, body: messages.get(at)?.body };
      }
    });
  } finally {
    redis.disconnect();
  }
}

interface Count {
  readonly chat: number;
  readonly id: bigint;
  readonly counted: number;
  readonly stored: bigint;
}

/** Reads the messages in the database, and compares each chat's count with the number of its rows. */
export async function readStored({ database: { prisma } }: Stores, { token, chats }: Target): Promise<Contents> {
  const counts = await prisma.$queryRaw<Count[]>`
    SELECT c.number AS chat, c.id, c.messages_count AS counted, COUNT(m.number) AS stored
      FROM applications a JOIN chats c ON c.application_id = a.id LEFT JOIN messages m ON m.chat_id = c.id
     WHERE a.token = ${token} GROUP BY c.id, c.number, c.messages_count`;
  const idOf = new Map(counts.map(({ chat, id }) => [chat, id]));
  const contents = await readContents(chats, async function* (chat) {
    const select = { number: true, body: true };
    yield* await prisma.message.findMany({ where: { chatId: idOf.get(chat)! }, select, orderBy: { number: "asc" } });
  });
  const wrong = counts.filter(({ counted, stored }) => counted !== Number(stored));
  return {
    ...contents,
    faults: [
      ...contents.faults,
      ...wrong.map(
        ({ chat, counted, stored }) => `chat ${chat} counts ${counted} messages and has ${stored.toString()}`,
      ),
    ],
  };
}

/** Compares the search index with the database, message by message. */
export async function faultsOfIndex(stores: Stores, search: ElasticsearchIndex): Promise<string[]> {
  const { missing, extra, different } = await verify(search, () => everyMessage(stores));
  return Object.entries({ missing, extra, different }).flatMap(([what, { count }]) =>
    count > 0 ? [`${count} documents of the search index are ${what}`] : [],
  );
}

/** Yields all messages in the database, in key order. */
export async function* everyMessage({ database }: Stores): AsyncGenerator<MessageWithApplication[]> {
  const messages = createMessages(database);
  let [afterChatId, afterNumber] = [0n, 0];
  for (;;) {
    const rows = await messages.scan({ afterChatId, afterNumber, limit: rowsAtOnce });
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    [afterChatId, afterNumber] = [last.chatId, last.number];
  }
}

/**
 * Counts an application's stored messages by adding up the counts of its chats. A count changes in the transaction that
 * inserts the rows.
 */
export async function countStored({ prisma }: Database, token: string): Promise<number> {
  const [row] = await prisma.$queryRaw<{ n: unknown }[]>`
    SELECT SUM(c.messages_count) AS n FROM applications a JOIN chats c ON c.application_id = a.id WHERE a.token = ${token}`;
  return Number(row?.n ?? 0);
}

async function readContents(
  chats: number,
  messagesOf: (chat: number) => AsyncIterable<{ number: number; body: string | undefined }>,
): Promise<Contents> {
  const contents: ChatContent[] = [];
  const faults: string[] = [];
  for (let chat = 1; chat <= chats; chat += 1) {
    const known = new Set(bodiesOf(chat));
    const hash = createHash("sha256");
    let count = 0;
    let wrong = 0;
    for await (const { number, body } of messagesOf(chat)) {
      count += 1;
      if (number !== count || body === undefined || !known.has(body)) wrong += 1;
      hash.update(`${number} ${body ?? ""}\n`);
    }
    contents.push({ count, digest: hash.digest("hex") });
    if (wrong > 0) faults.push(`chat ${chat}: ${wrong} of ${count} messages are missing or not what was sent`);
  }
  return { chats: contents, faults };
}
