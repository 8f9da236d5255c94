import { Agent, get, type ClientRequest } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { eventually, startService, testStores, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { statusOf } from "./status-of.ts";
import { openWorld, type Chat } from "./world.ts";

const [connections, rounds, asked] = [40, 3, 50];

describe("one application that reads large pages on many connections", function () {
  this.timeout(120_000);
  let [loud, quiet]: (Chat | undefined)[] = [];
  const world = useForAll(openWorld);
  // The api runs in a separate process, so that the cost of sending the requests is not measured.
  const api = useForAll(() =>
    startService("api", {
      REDIS_URL: testStores().redisUrl,
      DATABASE_URL: world.url,
      REDIS_KEY_PREFIX: world.prefix,
      SEARCH_BACKEND: "mysql",
      RATE_LIMITS: "off",
      LOG_LEVEL: "error",
    }),
  );
  before(async () => {
    [loud, quiet] = [await world.newChat(), await world.newChat()];
    await world.accept(loud, ...Array<string>(200).fill("x".repeat(65_535)));
    await world.accept(quiet, "one", "two");
    await world.store();
  });

  const pathOf = ({ token, number }: Chat): string => `${api.url}/applications/${token}/chats/${number}/messages`;
  const agent = new Agent({ keepAlive: true });
  after(() => {
    agent.destroy();
  });

  /**
   * Sends requests to the other application. All of them must succeed. Returns the 90th percentile of the growth of
   * `count` during one request. Unlike a latency, this growth hardly depends on how busy the machine is.
   */
  async function mostDuringOne(count: () => number): Promise<number> {
    const grown: number[] = [];
    for (let index = 0; index < asked; index += 1) {
      const before = count();
      const path = index % 2 === 0 ? pathOf(quiet!) : `${pathOf(quiet!)}/1`;
      expect(await statusOf(path, agent)).to.equal(200);
      grown.push(count() - before);
      await pause(2);
    }
    return grown.sort((a, b) => a - b)[Math.floor(grown.length * 0.9)] ?? 0;
  }

  const large: Record<string, (chat: Chat) => string> = {
    "a list": (chat) => `${pathOf(chat)}?limit=200`,
    "a search": (chat) => `${pathOf(chat)}/search?limit=200&q=x`,
    "a search across its chats": ({ token }) => `${api.url}/applications/${token}/search?limit=200&q=x`,
  };
  for (const [what, urlOf] of Object.entries(large)) {
    it(`does not slow down other applications by ${what}`, async () => {
      let isLoud = true;
      const statuses: (number | undefined)[] = [];
      const burst = Array.from({ length: connections }, async () => {
        while (isLoud) statuses.push(await statusOf(urlOf(loud!), agent));
      });
      await pause(300);
      const pages = (): number => statuses.filter((status) => status === 200).length;
      const found: number[] = [];
      try {
        for (let round = 0; round < rounds; round += 1) found.push(await mostDuringOne(pages));
      } finally {
        isLoud = false;
      }
      // A disturbance of the machine affects one round; an unfair api affects all rounds.
      const most = Math.min(...found);
      await Promise.all(burst);
      if (process.env.CONFAB_SHOW_FIGURES !== undefined) {
        process.stdout.write(`${what}: ${most} of ${pages()} pages during one request\n`);
      }
      expect(statuses.filter((status) => status !== 200 && status !== 429)).to.deep.equal([]);
      expect(statuses).to.include(200);
      expect(most, "pages that were served before another client's request").to.be.below(connections / 4);
    });
  }

  it("does not slow down the streams of other applications by many streams at different positions", async () => {
    const open: ClientRequest[] = [];
    /** Opens a stream, and calls `onEvent` for each chunk that contains one of these events. */
    const follow = (path: string, event: string, onEvent: () => unknown): void => {
      const request = get(path, (response) => {
        response.setEncoding("utf8").on("data", (text: string) => {
          if (text.includes(`event: ${event}`)) onEvent();
        });
      });
      open.push(request.on("error", () => undefined));
    };
    let [heard, shown] = [0, 0];
    let isReady = false;
    follow(`${pathOf(quiet!)}/stream`, "caught-up", () => (isReady = true));
    await eventually(() => expect(isReady).to.equal(true));
    follow(`${pathOf(quiet!)}/stream?after=2`, "message", () => (heard += 1));
    const found: number[] = [];
    try {
      for (let round = 0; round < rounds; round += 1) {
        for (let at = 0; at < 150; at += 1) {
          const request = open.length;
          follow(`${pathOf(loud!)}/stream?after=${at}`, "message", () => {
            shown += 1;
            // The client disconnects after its first page.
            open[request]!.destroy();
          });
        }
        await eventually(() => expect(shown).to.be.above(150 * round), { intervalMs: 1 });
        const [before, known] = [shown, heard];
        await world.accept(quiet!, `in round ${round}`);
        await eventually(() => expect(heard).to.be.above(known), { intervalMs: 1, timeoutMs: 30_000 });
        found.push(shown - before);
        await eventually(() => expect(shown).to.equal(150 * (round + 1)), { timeoutMs: 30_000 });
      }
    } finally {
      for (const request of open) request.destroy();
    }
    if (process.env.CONFAB_SHOW_FIGURES !== undefined) {
      process.stdout.write(`streams: ${found.join()} of 150 streams before another application's\n`);
    }
    const median = found.sort((a, b) => a - b)[Math.floor(rounds / 2)]!;
    expect(median, "streams that were served before another application's").to.be.below(60);
  });
});
