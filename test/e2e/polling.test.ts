import { setTimeout as pause } from "node:timers/promises";
import { startService, uniquePrefix, type ServiceHandle } from "@confab/testkit";
import { openDatabase, type Chat } from "@confab/testkit/world";
import { expect } from "chai";

/** Size of the test. The variables can increase it. */
const messages = Number(process.env.CONFAB_POLLING_MESSAGES ?? 3_000);
const runs = Number(process.env.CONFAB_POLLING_RUNS ?? 1);
const [pollers, senders] = [6, 8];

describe("polling a chat while it is written to", function () {
  this.timeout(60_000 + runs * messages * 20);
  const services: ServiceHandle[] = [];
  const url = { ingest: "", api: "" };
  let close: () => Promise<void>;
  let newChat: () => Promise<Chat>;

  before(async () => {
    const database = await openDatabase();
    const name = uniquePrefix("polling");
    const env = {
      DATABASE_URL: database.url,
      REDIS_KEY_PREFIX: name,
      SEARCH_INDEX: name,
      LOG_LEVEL: "warn",
      RATE_LIMITS: "off",
    };
    for (const service of ["ingest", "api", "worker", "worker"] as const) {
      services.push(await startService(service, env));
    }
    [url.ingest = "", url.api = ""] = services.map((service) => service.url);
    newChat = database.newChat;
    close = async () => {
      await Promise.all(services.map((service) => service.stop()));
      await database.close();
    };
  });
  after(() => close());

  /** Sends batch requests of one to three messages, more slowly than the pollers read. */
  async function send(token: string, chat: number, count: number): Promise<void> {
    let left = count;
    const sender = async (_: unknown, index: number): Promise<void> => {
      while (left > 0) {
        const size = Math.min(1 + (index % 3), left);
        left -= size;
        const items = Array.from({ length: size }, () => ({ application_token: token, chat_number: chat, body: "x" }));
        const answer = await fetch(`${url.ingest}/messages/batch`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ messages: items }),
        });
        expect(((await answer.json()) as { accepted: number }).accepted).to.equal(size);
        await pause(10);
      }
    };
    await Promise.all(Array.from({ length: senders }, sender));
  }

  /**
   * Polls for the messages after the last seen number until that number is `last`. Resolves with all numbers that it
   * saw.
   */
  async function poll(token: string, chat: number, last: number, isOver: () => boolean) {
    const seen: number[] = [];
    let pages = 0;
    for (let final = false; seen.at(-1) !== last && !final;) {
      final = isOver();
      const limit = pages % 2 === 0 ? 200 : 15;
      const path = `/applications/${token}/chats/${chat}/messages?limit=${limit}&after=${seen.at(-1) ?? 0}`;
      const answer = await fetch(url.api + path);
      expect(answer.status).to.equal(200);
      const page = (await answer.json()) as { number: number }[];
      seen.push(...page.map(({ number }) => number));
      if (page.length > 0) final = false;
      pages += 1;
    }
    return { seen, pages };
  }

  for (let run = 1; run <= runs; run += 1) {
    it(`shows every one of ${messages} messages to each of ${pollers} pollers, run ${run}`, async () => {
      const { token, number: chat } = await newChat();
      let isOver = false;
      const [polled] = await Promise.all([
        Promise.all(Array.from({ length: pollers }, () => poll(token, chat, messages, () => isOver))),
        send(token, chat, messages).finally(() => (isOver = true)),
      ]);
      const skipped = polled.map(({ seen }) => messages - new Set(seen).size);
      if (runs > 1)
        process.stdout.write(`${JSON.stringify({ run, pages: polled.map(({ pages }) => pages), skipped })}\n`);
      expect(skipped).to.deep.equal(Array<number>(pollers).fill(0));
      for (const { seen } of polled) expect(seen).to.deep.equal(seen.toSorted((a, b) => a - b));
    });
  }
});
