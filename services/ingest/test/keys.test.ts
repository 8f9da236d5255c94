import { createKey } from "@confab/access";
import { scopeNames, type BatchAnswer, type Scope } from "@confab/contracts";
import { createKeys } from "@confab/database";
import { useEnding, eventually, startProxy, useForAll, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { SignJWT } from "jose";
import { jsonOf, messageOf, openWorld, post, problemOf, send, startIngest, type Chat, type Ingest } from "./start.ts";

const endAfterTest = useEnding();

describe("sending with keys", () => {
  const world = useForAll(openWorld);
  const chat = useForEach(() => world.newChat());

  async function key(token: string | null, scopes: readonly Scope[] = scopeNames, expiresAt: Date | null = null) {
    const made = createKey(token === null ? "admin" : "application");
    const stored = { keyId: made.keyId, hash: made.hash, name: "test", scopes, expiresAt };
    await createKeys(world.database).create(token, stored, { name: "test" });
    return { ...made, headers: { authorization: `Bearer ${made.key}` } };
  }
  const item = ({ token, number }: Chat, body = "hello") => ({ application_token: token, chat_number: number, body });

  describe("if they are required", () => {
    const ingest = useForAll(() => startIngest(world, { REQUIRE_KEYS: "on", ADMIN_API_KEY: "admin-key-for-tests" }));

    for (const [path, scopes, body] of [
      ["/messages", ["write"], (to: Chat) => item(to)],
      ["/messages/batch", ["write", "import"], (to: Chat) => ({ messages: [item(to)] })],
    ] as const) {
      it(`POST ${path} is open to keys with the scope ${scopes.join(" or ")}, and to admin keys`, async () => {
        const attempt = (headers: Record<string, string>) => post(`${ingest.url}${path}`, body(chat), headers);
        for (const scope of scopes) {
          expect((await attempt((await key(chat.token, [scope])).headers)).status, scope).to.be.oneOf([200, 201]);
        }
        for (const headers of [{ authorization: "Bearer admin-key-for-tests" }, (await key(null, ["write"])).headers]) {
          expect((await attempt(headers)).status).to.be.oneOf([200, 201]);
        }
        const others = scopeNames.filter((scope) => !(scopes as readonly Scope[]).includes(scope));
        problemOf(await attempt((await key(chat.token, others)).headers), "forbidden");
        problemOf(await attempt({}), "unauthorized");
        problemOf(await attempt({ authorization: "Bearer admin-key-for-testz" }), "unauthorized");
        const [expired, revoked] = [await key(chat.token, ["write"], new Date(Date.now() - 1)), await key(chat.token)];
        await createKeys(world.database).revoke(chat.token, revoked.keyId, { name: "test" });
        for (const { headers } of [expired, revoked]) problemOf(await attempt(headers), "unauthorized");
        problemOf(await attempt({ authorization: `Bearer ${createKey("application").key}` }), "unauthorized");
      });
    }

    it("a message to another application is refused as if that did not exist, and leaves no trace", async () => {
      const foreign = await world.newChat();
      const { headers } = await key(chat.token);
      const refused = problemOf(await send(ingest.url, foreign, "x", headers), "application-not-found");
      const invented = { ...foreign, token: "00000000-0000-4000-8000-000000000000" };
      const unknown = problemOf(await send(ingest.url, invented, "x", headers), "application-not-found");
      expect({ ...refused, request_id: "" }).to.deep.equal({ ...unknown, request_id: "" });
      expect(await ingest.accepted(foreign)).to.deep.equal({});
    });

    it("takes created_at in a batch request only with the scope import, item by item", async () => {
      const old = { ...item(chat, "old"), created_at: "2024-01-31T09:30:00Z" };
      const attempt = async (headers: Record<string, string>) => {
        const answer = await post(`${ingest.url}/messages/batch`, { messages: [old, item(chat)] }, headers);
        return (jsonOf(answer) as BatchAnswer).results.map(({ status }) => status);
      };
      const others = scopeNames.filter((scope) => scope !== "import");
      for (const owner of [chat.token, null]) {
        expect(await attempt((await key(owner, others)).headers)).to.deep.equal([403, 201]);
        expect(await attempt((await key(owner, ["import"])).headers)).to.deep.equal([201, 201]);
      }
      expect(await attempt({ authorization: "Bearer admin-key-for-tests" })).to.deep.equal([201, 201]);
    });

    it("refuses only the items of other applications in a batch request", async () => {
      const foreign = await world.newChat();
      const second = await world.newChat(chat.token);
      const messages = [
        item(chat, "1"),
        item(foreign, "2"),
        { ...item(chat), body: 5 },
        item(second, "3"),
        item({ ...foreign, token: foreign.token.toUpperCase() }, "4"),
        item({ ...chat, token: chat.token.toUpperCase() }, "5"),
      ];
      const { headers } = await key(chat.token, ["write"]);
      const answer = jsonOf(await post(`${ingest.url}/messages/batch`, { messages }, headers)) as BatchAnswer;
      expect(answer.results.map(({ status }) => status)).to.deep.equal([201, 404, 422, 201, 404, 201]);
      expect(answer).to.include({ accepted: 3, refused: 3 });
      expect(answer.results[1]).to.include({ code: "application-not-found" });
      expect(await ingest.accepted(foreign)).to.deep.equal({});
      expect(await ingest.accepted(chat)).to.deep.equal({ 1: "1", 2: "5" });

      const admin = await key(null, ["write"]);
      const all = jsonOf(
        await post(`${ingest.url}/messages/batch`, { messages: [item(chat), item(foreign)] }, admin.headers),
      ) as BatchAnswer;
      expect(all, "an admin key may send to all").to.include({ accepted: 2, refused: 0 });
    });

    describe("by a user with a token", () => {
      let headers: Record<string, string>;
      const foreign = useForEach(() => world.newChat(chat.token));
      beforeEach(async () => {
        const signer = await key(chat.token, ["write"]);
        const now = Math.floor(Date.now() / 1_000);
        const claims = { sub: "anna", iat: now, exp: now + 60, chats: { [chat.number]: ["write"], "*": ["read"] } };
        const text = await new SignJWT(claims)
          .setProtectedHeader({ alg: "HS256", kid: signer.keyId })
          .sign(signer.hash);
        headers = { authorization: `Bearer ${text}` };
      });

      it("has that user as the sender, and no other one", async () => {
        for (const sender of [undefined, null, "anna"]) {
          const answer = await post(`${ingest.url}/messages`, { ...item(chat), sender }, headers);
          expect(jsonOf(answer, 201)).to.include({ sender: "anna" });
        }
        const { detail } = problemOf(
          await post(`${ingest.url}/messages`, { ...item(chat), sender: "bela" }, headers),
          "forbidden",
        );
        expect(detail).to.include("sub");
        expect(Object.keys(await ingest.accepted(chat))).to.have.length(3);
      });

      it("goes only to chats in which the user may write", async () => {
        problemOf(await send(ingest.url, foreign, "x", headers), "forbidden");
        problemOf(await send(ingest.url, { ...chat, number: 999 }, "x", headers), "forbidden");
        problemOf(await send(ingest.url, await world.newChat(), "x", headers), "application-not-found");
        expect(await ingest.accepted(foreign)).to.deep.equal({});
      });

      it("is refused item by item in a batch request", async () => {
        const messages = [item(chat), item(foreign), { ...item(chat), sender: "bela" }, item(await world.newChat())];
        const answer = jsonOf(await post(`${ingest.url}/messages/batch`, { messages }, headers)) as BatchAnswer;
        expect(answer.results.map(({ status }) => status)).to.deep.equal([201, 403, 403, 404]);
        expect(answer.results[0]).to.include({ sender: "anna" });
      });
    });

    it("refuses a request without a right before its body is read", async () => {
      const { headers } = await key(chat.token, ["read"]);
      problemOf(await post(`${ingest.url}/messages`, "{not json", headers), "forbidden");
      problemOf(await post(`${ingest.url}/messages`, "{not json"), "unauthorized");
    });

    it("writes no key into its log", async () => {
      const { key: text, keyId, headers } = await key(chat.token);
      await send(ingest.url, chat, text, headers);
      await post(`${ingest.url}/messages?key=${text}`, { ...item(chat), body: 5, key: text }, headers);
      const lines = JSON.stringify(ingest.lines);
      expect(lines).to.include(keyId).and.not.include(text.slice(-49)).and.not.include("admin-key-for-tests");
    });
  });

  it("keys are not needed if they are not required, and one that is sent is checked", async () => {
    const ingest = endAfterTest(await startIngest(world));
    expect(messageOf(await send(ingest.url, chat, "1")).number).to.equal(1);
    expect(messageOf(await send(ingest.url, chat, "2", { authorization: "Bearer another system's" })).number).to.equal(
      2,
    );
    problemOf(await send(ingest.url, chat, "x", (await key(chat.token, ["read"])).headers), "forbidden");
    problemOf(
      await send(ingest.url, chat, "x", { authorization: `Bearer ${createKey("application").key}` }),
      "unauthorized",
    );
    expect(messageOf(await send(ingest.url, chat, "3", (await key(chat.token)).headers)).number).to.equal(3);
  });

  it("warns at its start if there are keys and none is required, and starts without a database, too", async () => {
    await key(chat.token);
    const isWarned = ({ lines }: Ingest) =>
      lines.some(
        ({ level, message }) => level === "warn" && message.startsWith("there are active keys, but REQUIRE_KEYS"),
      );
    const open = await startIngest(world);
    const closed = await startIngest(world, { REQUIRE_KEYS: "on" });
    const proxy = await startProxy({ target: world.url });
    await proxy.cut();
    const cutOff = await startIngest({ url: proxy.url });
    try {
      await eventually(() => expect(isWarned(open)).to.equal(true));
      await eventually(() =>
        expect(cutOff.lines.map(({ message }) => message)).to.include("checking whether there are active keys"),
      );
      expect(isWarned(closed)).to.equal(false);
    } finally {
      await Promise.all([open.stop(), closed.stop(), cutOff.stop()]);
      await proxy.close();
    }
  });

  it("guesses of the configured admin key are limited per client address, on the direct way and in batches", async () => {
    const env = { REQUIRE_KEYS: "on", ADMIN_API_KEY: "admin-key-for-tests", TRUSTED_PROXIES: "1" };
    const ingest = endAfterTest(await startIngest(world, env));
    const from = (address: string, text: string) => ({ "x-forwarded-for": address, authorization: `Bearer ${text}` });
    const statuses = [];
    for (let nth = 0; nth < 40; nth += 1) {
      const headers = from("192.0.2.1", `wrong-guess-${nth}-of-many`);
      statuses.push((await send(ingest.url, chat, "x", headers)).status);
      statuses.push((await post(`${ingest.url}/messages/batch`, { messages: [item(chat)] }, headers)).status);
    }
    expect(statuses.filter((status) => status === 401).length).to.be.within(50, 75);
    expect(statuses.filter((status) => status === 429).length).to.be.greaterThan(0);
    messageOf(await send(ingest.url, chat, "x", from("192.0.2.2", "admin-key-for-tests")));
  });

  it("a known key still works while the database is unavailable, and an unknown one gets 503", async () => {
    const proxy = endAfterTest(await startProxy({ target: world.url }));
    const ingest = endAfterTest(await startIngest({ url: proxy.url }, { REQUIRE_KEYS: "on" }));
    const [used, unused] = [await key(chat.token), await key(chat.token)];
    expect(messageOf(await send(ingest.url, chat, "before", used.headers)).number).to.equal(1);
    await proxy.cut();
    problemOf(await send(ingest.url, chat, "x", unused.headers), "storage-unavailable");
    expect(messageOf(await send(ingest.url, chat, "meanwhile", used.headers)).number).to.equal(2);
    problemOf(await send(ingest.url, chat, "x"), "unauthorized");
    const forged = `${unused.key.slice(0, -6)}000000`;
    problemOf(await send(ingest.url, chat, "x", { authorization: `Bearer ${forged}` }), "unauthorized");
    await proxy.restore();
  });
});
