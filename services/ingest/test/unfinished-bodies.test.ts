import { createKey } from "@confab/access";
import { scopeNames } from "@confab/contracts";
import { createKeys } from "@confab/database";
import { createUnfinishedBodies, eventually, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { SignJWT } from "jose";
import { messageOf, send, useIngest, type Chat } from "./start.ts";

type Headers = Record<string, string>;

const budget = 8 * 1024 * 1024;

describe("bodies that never end", function () {
  this.timeout(60_000);
  const { world, ingest } = useIngest({ MAX_REQUEST_BYTES: "8MiB", REQUIRE_KEYS: "on" });
  const bodies = useForEach(() => createUnfinishedBodies(ingest.url));

  /** Creates an application with a chat. Returns the headers of its back end and of its users. */
  async function createSender() {
    const chat = await world.newChat();
    const { key, keyId, hash } = createKey("application");
    await createKeys(world.database).create(
      chat.token,
      { keyId, hash, name: "test", scopes: scopeNames, expiresAt: null },
      { name: "test" },
    );
    const userOf = async (sub: string): Promise<Headers> => {
      const now = Math.floor(Date.now() / 1_000);
      const text = await new SignJWT({ sub, iat: now, exp: now + 600, chats: { "*": ["write"] } })
        .setProtectedHeader({ alg: "HS256", kid: keyId })
        .sign(hash);
      return { authorization: `Bearer ${text}` };
    };
    return {
      chat,
      headers: { authorization: `Bearer ${key}` },
      mallory: await userOf("mallory"),
      alice: await userOf("alice"),
    };
  }
  const fill = (headers: Headers, total: number, sizes: readonly number[]) =>
    bodies.send(
      sizes.flatMap((bytes) =>
        Array.from({ length: Math.ceil(total / sizes.length / bytes) }, () => ({
          method: "POST",
          path: "/messages",
          headers,
          bytes,
        })),
      ),
    );
  const text =
    (headers: Headers) =>
    async (chat: Chat, body = "x".repeat(1_000)) =>
      messageOf(await send(ingest.url, chat, body, headers));

  for (const sizes of [[64_000], [8_000], [1_000], [64_000, 8_000, 1_000]]) {
    it(`of ${sizes.join(", ")} bytes take no more than a user's share`, async () => {
      const { chat, mallory, alice, headers } = await createSender();
      await fill(mallory, budget / 4, sizes);
      await eventually(() => expect(bodies.openBytes).to.be.at.most(budget / 8));
      expect(bodies.statuses).to.include(429);
      await text(alice)(chat);
      await text(headers)(chat, "x".repeat(60_000));
    });
  }

  it("take no more than half for all users and keys of an application", async () => {
    const [first, second] = [await createSender(), await createSender()];
    await fill(first.headers, budget, [30_000, 8_000]);
    await eventually(() => expect(bodies.openBytes).to.be.at.most(budget / 2));
    await text(second.headers)(second.chat, "x".repeat(60_000));
  });

  it("make room for others after seconds, also small ones", async () => {
    const [first, second, third] = [await createSender(), await createSender(), await createSender()];
    await Promise.all([first, second].map(({ headers }) => fill(headers, budget / 2, [30_000, 2_000])));
    await eventually(async () => {
      await text(third.headers)(third.chat, "x".repeat(60_000));
    });
  });

  it("count each piece in which they arrive", async () => {
    const { chat, headers } = await createSender();
    const pieces = 100_000;
    const answer = await fetch(`${ingest.url}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      duplex: "half",
      body: new ReadableStream<Uint8Array>({
        start: (body) => {
          for (let sent = 0; sent < pieces; sent += 1) body.enqueue(new Uint8Array([0x20]));
          body.close();
        },
      }),
    });
    expect(answer.status, await answer.text()).to.equal(429);
    await text(headers)(chat);
  });
});
