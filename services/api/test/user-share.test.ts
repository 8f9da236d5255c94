import { setTimeout as sleep } from "node:timers/promises";
import { useEnding, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { openStream } from "./event-reader.ts";
import { keyMaker } from "./key-world.ts";
import { problemOf, startApi, type Api } from "./start.ts";
import { openWorld, type Chat } from "./world.ts";

const endAfterTest = useEnding();

type Headers = Record<string, string>;

describe("a user's share of its application's limits", function () {
  this.timeout(60_000);
  let api: Api;
  let chat: Chat;
  let path: string;
  let mallory: Headers;
  let alice: Headers;
  let backEnd: Headers;
  const world = useForAll(openWorld);

  async function start(env: Headers) {
    api = endAfterTest(await startApi(world, { RATE_LIMITS: "on", REQUIRE_KEYS: "on", USER_SHARE: "0.5", ...env }));
    chat = await world.newChat();
    path = `/applications/${chat.token}/chats/${chat.number}/messages`;
    const keys = keyMaker(world);
    const { key, headers } = await keys.make(chat.token);
    const tokenOf = (sub: string) => keys.signUser(key, { sub, chats: { "*": ["read", "search"] } });
    [mallory, alice, backEnd] = [await tokenOf("mallory"), await tokenOf("alice"), headers];
  }
  const open = async (headers: Headers, at = `${path}/stream`) => endAfterTest(await openStream(api.url + at, headers));

  it("of requests is used up by that user alone", async () => {
    await start({ APPLICATION_REQUEST_RATE: "8" });
    // All requests must fall in one window of a second, so the test tries again if a window ends meanwhile.
    for (let attempt = 0; ; attempt += 1) {
      const answers = await Promise.all(Array.from({ length: 12 }, () => api.get(path, mallory)));
      const others = await Promise.all([alice, backEnd, alice, backEnd].map((headers) => api.get(path, headers)));
      const refused = answers.filter(({ status }) => status === 429);
      if (refused.length !== 8 && attempt < 5) {
        await sleep(1_100);
        continue;
      }
      expect(refused).to.have.length(8);
      expect(problemOf(refused[0]!, "rate-limited").detail).to.include("One user").and.include("USER_SHARE");
      expect(refused[0]!.headers.get("ratelimit-policy")).to.equal('"requests";q=4;w=1');
      expect(others.map(({ status }) => status)).to.deep.equal([200, 200, 200, 200]);
      break;
    }
  });

  it("of streams and waiting requests is used up by that user alone, with tickets as well", async () => {
    await start({ MAX_STREAMS_PER_APPLICATION: "6" });
    await open(mallory);
    await open(mallory);
    const tickets = await Promise.all(
      [1, 2].map(async () => {
        const { text } = await api.send("POST", `/applications/${chat.token}/tickets`, undefined, mallory);
        return (JSON.parse(text) as { ticket: string }).ticket;
      }),
    );
    await open({}, `${path}/stream?ticket=${tickets[0]!}`);
    for (const [at, headers] of [
      [`${path}/stream`, mallory],
      [`${path}/stream?ticket=${tickets[1]!}`, {}],
      [`${path}?after=0&wait=30`, mallory],
    ] as const) {
      const { detail } = problemOf(await api.get(at, headers), "rate-limited");
      expect(detail, at).to.include("The user already has 3 streams").and.include("USER_SHARE");
    }
    expect(await api.metrics.registry.metrics()).to.match(
      /^confab_streams_refused_total\{[^}]*limit="user"[^}]*\} 3$/m,
    );
    for (const headers of [alice, backEnd, alice]) await open(headers);
    expect(problemOf(await api.get(`${path}/stream`, backEnd), "rate-limited").detail).to.include("The application");
  });

  it("of followed chats leaves others theirs", async () => {
    await start({ MAX_STREAMS_PER_APPLICATION: "4" });
    const numbers = [chat.number];
    while (numbers.length < 50) numbers.push((await world.newChat(chat.token)).number);
    const many = `/applications/${chat.token}/stream?chats=${numbers.join(",")}`;
    await open(mallory, many);
    problemOf(await api.get(many, mallory), "rate-limited");
    await open(alice, `/applications/${chat.token}/stream?chats=${numbers.slice(0, 30).join(",")}`);
    problemOf(await api.get(`${path}/stream`, backEnd), "rate-limited");
  });
});
