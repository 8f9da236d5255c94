import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import type { Client } from "./http.ts";

/** A message that was acknowledged, with its number. */
export interface Acknowledged {
  readonly chat: number;
  readonly number: number;
  readonly body: string;
}

interface Message {
  number: number;
  body: string;
}

/** Lists all messages of a chat through the api, in ascending order. */
export async function listAll(client: Client, token: string, chat: number): Promise<Message[]> {
  const messages: Message[] = [];
  for (;;) {
    const after = messages.at(-1)?.number ?? 0;
    const page = await client.send("GET", `/applications/${token}/chats/${chat}/messages?limit=200&after=${after}`);
    expect(page.status).to.equal(200);
    const found = page.body as Message[];
    messages.push(...found);
    if (found.length < 200) return messages;
  }
}

/**
 * Waits until the counts show that all messages are stored. Expects each acknowledged message exactly once, with its
 * number. `extra` is the number of further messages, whose answers were lost.
 */
export async function verifyStored(
  client: Client,
  token: string,
  acknowledged: readonly Acknowledged[],
  { timeoutMs = 120_000 } = {},
): Promise<{ stored: number; extra: number }> {
  const deadline = performance.now() + timeoutMs;
  let [stored, extra] = [0, 0];
  for (const [chat, expected] of Map.groupBy(acknowledged, (message) => message.chat)) {
    let messages = await listAll(client, token, chat);
    const count = async () => {
      const answer = await client.send("GET", `/applications/${token}/chats/${chat}`);
      return (answer.body as { messages_count: number }).messages_count;
    };
    while ((await count()) !== messages.length) {
      expect(performance.now(), `chat ${chat} is not stored before the deadline`).to.be.below(deadline);
      await pause(500);
      messages = await listAll(client, token, chat);
    }
    const byNumber = new Map(messages.map(({ number, body }) => [number, body]));
    const wrong = expected.filter(({ number, body }) => byNumber.get(number) !== body);
    expect(wrong, `acknowledged but not stored in chat ${chat}`).to.deep.equal([]);
    expect(new Set(messages.map(({ body }) => body)).size, `distinct messages in chat ${chat}`).to.equal(
      messages.length,
    );
    stored += messages.length;
    extra += messages.length - expected.length;
  }
  return { stored, extra };
}
