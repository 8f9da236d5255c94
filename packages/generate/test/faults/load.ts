import { setTimeout as sleep } from "node:timers/promises";

export type Load = Awaited<ReturnType<typeof startLoad>>;

/**
 * Creates an application with chats, and puts a steady light load on it until it is stopped: messages, reads, searches.
 */
export async function startLoad(ingest: string, api: string, chats = 120) {
  const { token } = (await post(`${api}/applications`, { name: "observed" })) as { token: string };
  await Promise.all(Array.from({ length: chats }, () => post(`${api}/applications/${token}/chats`, {})));
  const path = `${api}/applications/${token}/chats`;
  const ended = new AbortController();
  let sent = 0;

  async function send(messages: number, body = "hello observed world"): Promise<void> {
    const items = Array.from({ length: messages }, () => ({
      application_token: token,
      chat_number: (sent++ % chats) + 1,
      body,
    }));
    await post(`${ingest}/messages/batch`, { messages: items });
  }
  const nextMessage = () => ({
    application_token: token,
    chat_number: (sent++ % chats) + 1,
    body: "hello observed world",
  });
  async function sendOne(): Promise<void> {
    await post(`${ingest}/messages`, nextMessage());
  }
  async function use(): Promise<void> {
    while (!ended.signal.aborted) {
      const chat = (sent % chats) + 1;
      const one = { application_token: token, chat_number: chat, body: "hello observed world" };
      sent += 1;
      await Promise.all([
        post(`${ingest}/messages`, one),
        get(`${path}/${chat}/messages`),
        get(`${path}/${chat}/messages/search?q=observed`),
      ]).catch(() => undefined);
      await sleep(50);
    }
  }
  const using = use();
  return {
    token,
    chats,
    send,
    sendOne,
    async stop(): Promise<void> {
      ended.abort();
      await using;
    },
  };
}

async function post(url: string, body: object): Promise<unknown> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return answer.json();
}

async function get(url: string): Promise<void> {
  await (await fetch(url)).arrayBuffer();
}
