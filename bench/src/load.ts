import { Pool } from "undici";

export interface Target {
  readonly url: string;
  readonly token: string;
  /** Chat numbers. Messages go to them in turn. */
  readonly chats: readonly number[];
  readonly connections: number;
}

/** The load ends at the first of the two. */
export interface Limit {
  readonly seconds?: number;
  readonly messages?: number;
}

export interface LoadResult {
  readonly accepted: number;
  readonly failed: number;
  readonly seconds: number;
  /** Milliseconds, ascending, one per accepted message. */
  readonly latencies: Float64Array;
  /** The numbers in the answers, by chat, in the order of the answers. */
  readonly numbers: ReadonlyMap<number, readonly number[]>;
}

const text = "The quick brown fox jumps over the lazy dog, and the dog does not mind at all. ";

/** Sends messages over keep-alive connections. Each connection waits for an answer before it sends the next message. */
export async function sendMessages(
  { url, token, chats, connections }: Target,
  { seconds = Infinity, messages = Infinity }: Limit,
): Promise<LoadResult> {
  const pool = new Pool(url, { connections, pipelining: 1 });
  const latencies: number[] = [];
  const numbers = new Map<number, number[]>(chats.map((chat) => [chat, []]));
  let sent = 0;
  let failed = 0;

  const sendOne = async (chat: number, index: number) => {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ application_token: token, chat_number: chat, body: `${text}${index}` });
    const started = performance.now();
    const answer = await pool.request({ path: "/messages", method: "POST", headers, body });
    const message = (await answer.body.json()) as { number?: number };
    if (answer.statusCode === 201 && message.number !== undefined) {
      latencies.push(performance.now() - started);
      numbers.get(chat)?.push(message.number);
    } else failed += 1;
  };
  const started = performance.now();
  const until = started + seconds * 1000;
  const connection = async () => {
    while (sent < messages && performance.now() < until) {
      const chat = chats[sent % chats.length]!;
      await sendOne(chat, sent++).catch(() => (failed += 1));
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
  const elapsed = (performance.now() - started) / 1000;
  await pool.close();
  return {
    accepted: latencies.length,
    failed,
    seconds: elapsed,
    latencies: Float64Array.from(latencies).sort(),
    numbers,
  };
}
