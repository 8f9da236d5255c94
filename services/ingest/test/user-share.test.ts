import { createKey } from "@confab/access";
import { scopeNames, type BatchAnswer } from "@confab/contracts";
import { createKeys } from "@confab/database";
import { createUuid7 } from "@confab/runtime";
import { useEnding, eventually, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { SignJWT } from "jose";
import {
  jsonOf,
  messageOf,
  openWorld,
  post,
  problemOf,
  startIngest,
  type Chat,
  type Ingest,
  type World,
} from "./start.ts";

const endAfterTest = useEnding();

/** Creates an application whose users and back end each send to their own chat, and one chat that all of them share. */
async function createSenders(world: World, url: () => string) {
  const shared = await world.newChat();
  const { token } = shared;
  const { key, keyId, hash } = createKey("application");
  await createKeys(world.database).create(
    token,
    { keyId, hash, name: "test", scopes: scopeNames, expiresAt: null },
    { name: "test" },
  );
  async function headersOf(sub: string | undefined): Promise<Record<string, string>> {
    if (sub === undefined) return { authorization: `Bearer ${key}` };
    const now = Math.floor(Date.now() / 1_000);
    const text = await new SignJWT({ sub, iat: now, exp: now + 600, chats: { "*": ["write"] } })
      .setProtectedHeader({ alg: "HS256", kid: keyId })
      .sign(hash);
    return { authorization: `Bearer ${text}` };
  }
  async function sender(sub?: string) {
    const headers = await headersOf(sub);
    const own = await world.newChat(token);
    const item = (chat: Chat, body = "Hello") => ({ application_token: token, chat_number: chat.number, body });
    return {
      own,
      send: (chat: Chat = own, idempotencyKey?: string) =>
        post(`${url()}/messages`, item(chat), {
          ...headers,
          ...(idempotencyKey !== undefined && { "idempotency-key": idempotencyKey }),
        }),
      sendAll: async (keys: readonly (string | undefined)[], chat: Chat = own) => {
        const messages = keys.map((each, at) => ({ ...item(chat, `Hello ${at}`), idempotency_key: each }));
        const answer = await post(`${url()}/messages/batch`, { messages }, headers);
        return answer.status === 200
          ? (jsonOf(answer) as BatchAnswer).results.map(({ status }) => status)
          : [answer.status];
      },
    };
  }
  return { shared, sender };
}

describe("a user's share of its application's limits", () => {
  let ingest: Ingest;
  const world = useForAll(openWorld);
  const start = async (env: Record<string, string>) => {
    ingest = endAfterTest(await startIngest(world, { USER_SHARE: "0.5", ...env }));
    const { shared, sender } = await createSenders(world, () => ingest.url);
    return { shared, mallory: await sender("mallory"), alice: await sender("alice"), backEnd: await sender() };
  };

  it("of messages is used up by that user alone", async () => {
    const limits = { APPLICATION_MESSAGE_RATE: "1", APPLICATION_MESSAGE_BURST: "8" };
    const { shared, mallory, alice, backEnd } = await start(limits);
    for (const left of [3, 2, 1, 0]) {
      const { headers, ...answer } = await mallory.send(left % 2 === 0 ? shared : mallory.own);
      messageOf({ headers, ...answer });
      expect(headers.get("ratelimit-policy")).to.equal('"messages";q=4;w=8');
      expect(headers.get("ratelimit")).to.match(new RegExp(`^"messages";r=${left};t=\\d$`));
    }
    for (const chat of [shared, mallory.own]) {
      const refused = await mallory.send(chat);
      expect(problemOf(refused, "rate-limited").detail).to.include("user").and.include("USER_SHARE");
      expect(Number(refused.headers.get("retry-after"))).to.be.within(1, 3);
    }
    for (const each of [alice, backEnd]) messageOf(await each.send(shared));
    const rest = await backEnd.send();
    expect(rest.headers.get("ratelimit")).to.match(/r=1;/);
    messageOf(await backEnd.send());
    expect(problemOf(await backEnd.send(), "rate-limited").detail).to.include("application");
    await eventually(async () => messageOf(await mallory.send()));
  });

  it("of messages holds within one batch of the acceptor, in which the items of all are mixed", async () => {
    const limits = { APPLICATION_MESSAGE_RATE: "1", APPLICATION_MESSAGE_BURST: "8" };
    const { shared, mallory, alice, backEnd } = await start(limits);
    const [ofMallory, ofAlice, ofBackEnd] = await Promise.all([
      mallory.sendAll(new Array(6).fill(undefined), shared),
      alice.sendAll([undefined, undefined], shared),
      backEnd.sendAll([undefined, undefined], shared),
    ]);
    expect(ofMallory).to.deep.equal([201, 201, 201, 201, 429, 429]);
    expect([ofAlice, ofBackEnd]).to.deep.equal([
      [201, 201],
      [201, 201],
    ]);
  });

  it("of idempotency keys without a time is used up by that user alone", async () => {
    const { shared, mallory, alice, backEnd } = await start({ MAX_IDEMPOTENCY_KEYS: "16", IDEMPOTENCY_TTL: "1h" });
    expect(await mallory.sendAll(["a", "b", "c", "d", "e", "f"], shared)).to.deep.equal([201, 201, 201, 201, 429, 429]);
    const refused = problemOf(await mallory.send(mallory.own, "g"), "idempotency-keys-used-up");
    expect(refused.detail).to.include("user").and.include("USER_SHARE");
    messageOf(await mallory.send());
    messageOf(await mallory.send(mallory.own, createUuid7()));
    for (const each of [alice, backEnd]) messageOf(await each.send(shared, "a"));
    expect(await backEnd.sendAll(["b", "c", "d"])).to.deep.equal([201, 201, 429]);
    expect(problemOf(await backEnd.send(shared, "e"), "idempotency-keys-used-up").detail).to.include("application");
  });

  it("is everything with USER_SHARE=1, and at least one message", async () => {
    const limits = { APPLICATION_MESSAGE_RATE: "1", APPLICATION_MESSAGE_BURST: "2" };
    const { mallory } = await start({ ...limits, USER_SHARE: "1" });
    expect(await mallory.sendAll([undefined, undefined, undefined])).to.deep.equal([201, 201, 429]);
    const { alice } = await start({ ...limits, USER_SHARE: "0.01" });
    expect(await alice.sendAll([undefined, undefined])).to.deep.equal([201, 429]);
  });
});
