import { get, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { hasElasticsearch, hostileTexts, longestBlock } from "@confab/testkit";
import { expect } from "chai";
import { removeIndex } from "./remove-index.ts";
import { useApi } from "./start.ts";
import type { Chat } from "./world.ts";

const maxMs = 50;
const bodies: [name: string, q: string][] = [
  ["one emoji joined to itself", "👨"],
  ["all characters", "\u4e00"],
  ["controls, six times as long in JSON", "e"],
];

/** Sends a request and discards the answer, because parsing it would block this process's event loop as well. */
async function pass(url: string): Promise<void> {
  const [answer] = (await once(get(url), "response")) as [IncomingMessage];
  expect(answer.statusCode).to.equal(200);
  await once(answer.resume(), "end");
}

for (const backend of hasElasticsearch() ? ["elasticsearch", "mysql"] : ["mysql"]) {
  describe(`two hundred hostile messages, with search in ${backend}`, function () {
    this.timeout(120_000);
    const { world, api } = useApi({ SEARCH_BACKEND: backend, RATE_LIMITS: "off" });
    before(async () => {
      await api.search.prepare();
    });
    after(async () => {
      if (backend === "elasticsearch") await removeIndex(world.index);
    });

    for (const [name, q] of bodies) {
      it(`do not block other requests when they are searched, or listed while pending and stored: ${name}`, async () => {
        const chat: Chat = await world.newChat();
        const application = `/applications/${chat.token}`;
        const messages = `${application}/chats/${chat.number}/messages`;
        await world.accept(chat, ...Array<string>(200).fill(hostileTexts[name]!));
        const blocks: Record<string, number> = {};
        const measure = async (what: string, path: string): Promise<void> => {
          blocks[what] = Math.round(await longestBlock(() => pass(api.url + path), 2));
        };
        await measure("pending", `${messages}?limit=200`);
        await world.store();
        await measure("stored", `${messages}?limit=200&order=desc`);
        // Accepts only a few messages at a time, because 200 of them would be a request of 50 MiB.
        for (let from = 1; from <= 200; from += 20) {
          const range = { chatId: chat.id, from, to: from + 19 };
          await api.search.index(await world.messages.inRanges([range]), { refresh: true });
        }
        const query = `limit=200&q=${encodeURIComponent(q)}`;
        await measure("search", `${messages}/search?${query}`);
        await measure("search by relevance", `${messages}/search?order=relevance&${query}`);
        await measure("count", `${application}/search/chats?${query}`);
        for (const [what, ms] of Object.entries(blocks)) expect(ms, what).to.be.below(maxMs);
        if (process.env.CONFAB_SHOW_FIGURES !== undefined) process.stdout.write(`${name}: ${JSON.stringify(blocks)}\n`);
      });
    }
  });
}
