import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import type { Client } from "./http.ts";

/** A message that was answered with 201. */
export interface Acknowledged {
  readonly chat: number;
  readonly number: number;
  readonly body: string;
}

export interface LoadReport {
  readonly acknowledged: readonly Acknowledged[];
  /** What else was answered, and how often; `no answer: …` where there was none. */
  readonly refused: Readonly<Record<string, number>>;
  /** Acknowledged messages a second. */
  readonly rate: number;
  /** The longest time between two acknowledgements, ms. */
  readonly longestGapMs: number;
}

export interface LoadOptions {
  readonly client: Client;
  readonly token: string;
  readonly chats: readonly number[];
  readonly clients?: number;
  /** Between an answer and a client's next message, ms. */
  readonly pauseMs?: number;
  /** Send what was refused or not answered again, with the same key, until it is taken. */
  readonly retry?: boolean;
}

/** Sends single messages all the time, each with a body of its own, until it is told to stop. */
export function startLoad(options: LoadOptions): { stop(): Promise<LoadReport> } {
  const { client, token, chats, clients = 16, pauseMs = 20, retry = false } = options;
  const acknowledged: Acknowledged[] = [];
  const refused: Record<string, number> = {};
  const run = Date.now().toString(36);
  let running = true;
  const began = performance.now();
  let lastAt = began;
  let longestGapMs = 0;

  async function sendOne(chat: number, body: string): Promise<boolean> {
    const message = { application_token: token, chat_number: chat, body };
    const outcome = await client
      .send("POST", "/messages", message, retry ? { "Idempotency-Key": body } : {})
      .catch((error: unknown) => error as Error);
    if (!(outcome instanceof Error) && outcome.status === 201) {
      const now = performance.now();
      longestGapMs = Math.max(longestGapMs, now - lastAt);
      lastAt = now;
      acknowledged.push({ chat, number: (outcome.body as { number: number }).number, body });
      return true;
    }
    const what = outcome instanceof Error ? `no answer: ${outcome.message}` : String(outcome.status);
    refused[what] = (refused[what] ?? 0) + 1;
    if (what.startsWith("4")) throw new Error(`A message of the load was refused: ${what}`);
    return false;
  }

  const sending = Promise.all(
    Array.from({ length: clients }, async (_, place) => {
      for (let index = 0; running; index++) {
        const chat = chats[(place + index) % chats.length]!;
        const body = `${run}-${place}-${index}`;
        while (!(await sendOne(chat, body)) && retry) await pause(100);
        await pause(pauseMs);
      }
    }),
  );
  return {
    async stop() {
      running = false;
      await sending;
      const seconds = (performance.now() - began) / 1000;
      return { acknowledged, refused, rate: Math.round(acknowledged.length / seconds), longestGapMs };
    },
  };
}

interface Message {
  number: number;
  body: string;
}

/** All messages of a chat as the API lists them, ascending. */
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
 * Waits until all messages are stored (the counts tell), then compares: every acknowledged message is there once, under its
 * number. What was not acknowledged may be there too where its answer was lost: `extra` says how many.
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
      expect(performance.now(), `chat ${chat} is not stored in time`).to.be.below(deadline);
      await pause(500);
      messages = await listAll(client, token, chat);
    }
    const byNumber = new Map(messages.map(({ number, body }) => [number, body]));
    const wrong = expected.filter(({ number, body }) => byNumber.get(number) !== body);
    expect(wrong, `acknowledged and not stored in chat ${chat}`).to.deep.equal([]);
    expect(new Set(messages.map(({ body }) => body)).size, `repeated in chat ${chat}`).to.equal(messages.length);
    stored += messages.length;
    extra += messages.length - expected.length;
  }
  return { stored, extra };
}
