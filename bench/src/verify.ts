import { createHash } from "node:crypto";
import { createPendingMessages } from "@confab/intake";
import { Redis } from "ioredis";
import { prefix } from "./designs/design.ts";
import { bodiesOf, type Target } from "./load/messages.ts";
import type { Stores } from "./world.ts";

/** The content of one chat: how many messages, and a digest of their numbers and bodies. */
export interface ChatContent {
  readonly count: number;
  readonly digest: string;
}

export interface Contents {
  /** In the order of the chats' numbers. */
  readonly chats: readonly ChatContent[];
  /** One per wrong chat. A chat is right if it has exactly the numbers 1 to N, and only texts that were sent. */
  readonly faults: readonly string[];
}

/** A message whose answer the load did not wait for, because it ended, may be there or not. */
export function faultsOfCount(held: number, answered: number, open: number): string[] {
  if (held >= answered && held <= answered + open) return [];
  return [`${answered} messages were answered, but ${held} exist`];
}

const numbersAtOnce = 10_000;

/** Reads the messages that wait in Redis, as the api does for its answers. */
export async function readPending({ redisUrl }: Stores, { token, chats }: Target): Promise<Contents> {
  const redis = new Redis(redisUrl);
  try {
    const pending = createPendingMessages(redis, { prefix, partitions: 1 });
    return await readContents(chats, async function* (number) {
      const last = (await pending.lastNumber({ token, number })) ?? 0;
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
