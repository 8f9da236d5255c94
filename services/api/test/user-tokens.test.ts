import { setTimeout as sleep } from "node:timers/promises";
import { useEnding, useForAll, useForEach } from "@confab/testkit";
import { keySchema, fillPath, routes, type Route } from "@confab/contracts";
import { expect } from "chai";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { openStream } from "./event-reader.ts";
import { inputs } from "./inputs.ts";
import { keyMaker } from "./key-world.ts";
import { jsonOf, problemOf, readAs, startApi } from "./start.ts";
import { openWorld } from "./world.ts";

const endAfterTest = useEnding();

const admin = { authorization: "Bearer admin-key-for-tests" };
const mine = Object.values<Route>(routes).filter(({ service }) => service === "api");

describe("user tokens", function () {
  this.timeout(120_000);
  let path: string;
  let key: { key: string; keyId: string };
  const world = useForAll(openWorld);
  const keys = useForAll(() => keyMaker(world));
  const api = useForAll(() => startApi(world, { REQUIRE_KEYS: "on", ADMIN_API_KEY: "admin-key-for-tests" }));
  const chat = useForEach(() => world.newChat());
  const other = useForEach(() => world.newChat(chat.token));
  beforeEach(async () => {
    path = `/applications/${chat.token}/chats/${chat.number}`;
    key = await keys.make(chat.token);
  });

  const everything = ["read", "write", "search", "edit"];
  const user = (chats: object = { [chat.number]: everything }, sub = "anna") => keys.signUser(key.key, { sub, chats });
  const messages = async (...contents: { sender: string; body: string }[]) => {
    await world.accept(chat, ...contents);
    await world.store();
  };

  for (const route of mine) {
    const { operationId, scopes, openToUsers = false } = route;
    it(`${operationId} is ${openToUsers ? "open to users in their chats" : "closed to users"}`, async () => {
      await messages({ sender: "anna", body: "one" });
      const { body, query = "" } = inputs[operationId as keyof typeof routes] ?? {};
      const ofChat = query === "?q=one" && route.params.length === 1 ? `${query}&chats=${chat.number}` : query;
      const params = { token: chat.token, chat: chat.number, message: 1, reader: "anna", key: key.keyId };
      const attempt = (headers: Record<string, string>, changes: object = {}) =>
        api.send(route.method.toUpperCase(), fillPath(route.path, { ...params, ...changes }) + ofChat, body, headers);

      if (!openToUsers) {
        const { detail } = problemOf(await attempt(await user({ "*": everything })), "forbidden");
        expect(detail).to.include("User tokens cannot be used");
        return;
      }
      const right = await attempt(await user());
      expect(right.status, right.text).to.be.oneOf([route.success.status, ...(scopes[0] === "search" ? [503] : [])]);
      const lacking = everything.filter((scope) => !(scopes as readonly string[]).includes(scope));
      problemOf(await attempt(await user({ "*": lacking })), "forbidden");
      const elsewhere = await world.newChat();
      const foreign = problemOf(await attempt(await user(), { token: elsewhere.token }), "application-not-found");
      const unknown = "00000000-0000-4000-8000-000000000000";
      expect(problemOf(await attempt(await user(), { token: unknown }), "application-not-found").detail).to.equal(
        foreign.detail,
      );
      if (route.params.includes("chat")) {
        for (const number of [other.number, 999]) {
          const { detail } = problemOf(await attempt(await user(), { chat: number }), "forbidden");
          expect(detail).to.equal(`The user token does not have the scope ${scopes.join(" or ")} in chat ${number}.`);
        }
      }
    });
  }

  it("change only messages of their user", async () => {
    await messages({ sender: "anna", body: "mine" }, { sender: "bela", body: "not mine" });
    await world.accept(chat, { sender: "bela", body: "pending" });
    const headers = await user();
    for (const number of [2, 3]) {
      for (const [method, body] of [
        ["PATCH", { body: "changed" }],
        ["PUT", { body: "changed" }],
        ["DELETE"],
      ] as const) {
        problemOf(await api.send(method, `${path}/messages/${number}`, body, headers), "forbidden");
      }
    }
    expect((await api.send("PATCH", `${path}/messages/1`, { body: "changed" }, headers)).status).to.equal(200);
    expect((await api.send("DELETE", `${path}/messages/1`, undefined, headers)).status).to.equal(204);
    expect((await api.send("DELETE", `${path}/messages/1`, undefined, headers)).status, "again").to.equal(204);
    const list = jsonOf(await api.get(`${path}/messages`, headers)) as { body: string | null }[];
    expect(list.map(({ body }) => body)).to.deep.equal([null, "not mine", "pending"]);
  });

  it("set only the horizon of their user, and send only signals of their user", async () => {
    await messages({ sender: "anna", body: "one" });
    const headers = await user();
    problemOf(await api.send("PUT", `${path}/reads/bela`, { number: 1 }, headers), "forbidden");
    expect((await api.get(`${path}/reads/bela`, headers)).status).to.equal(200);
    const signal = (sender?: string) => api.send("POST", `${path}/signals`, { sender, type: "typing" }, headers);
    problemOf(await signal("bela"), "forbidden");
    const reader = await openStream(`${api.url}${path}/messages/stream`, headers);
    await reader.until((events) => events.at(-1)?.event === "caught-up");
    for (const sender of ["anna", undefined]) expect((await signal(sender)).status).to.equal(202);
    await reader.until((events) => events.at(-1)?.event === "signal");
    expect(reader.events.at(-1)!.data).to.include({ sender: "anna", type: "typing" });
    await reader.close();
  });

  it("show unread counts of their user only, in their chats only", async () => {
    await messages({ sender: "bela", body: "one" });
    await world.accept(other, { sender: "bela", body: "one" });
    await world.store();
    const unread = `/applications/${chat.token}/unread`;
    problemOf(await api.get(`${unread}?reader=bela`, await user()), "forbidden");
    const shown = async (chats?: object) =>
      (jsonOf(await api.get(`${unread}?reader=anna`, await user(chats))) as { chat_number: number }[]).map(
        ({ chat_number }) => chat_number,
      );
    expect(await shown()).to.deep.equal([chat.number]);
    expect(await shown({ "*": ["read"] })).to.have.members([chat.number, other.number]);
    expect(await shown({ "*": ["read"], [chat.number]: ["write"] })).to.deep.equal([other.number]);
    // There is no next link, because its cursor would contain the number and the time of a chat that is closed to the
    // user.
    const limited = await api.get(`${unread}?reader=anna&limit=1`, await user());
    expect([(jsonOf(limited) as unknown[]).length, limited.headers.get("link")]).to.deep.equal([1, null]);
    const none = await api.get(`${unread}?reader=anna&limit=1`, await user({ 999: ["read"] }));
    expect([jsonOf(none), none.headers.get("link")]).to.deep.equal([[], null]);
  });

  it("follow and search several chats only if they have the scope in each of them", async () => {
    const both = `${chat.number},${other.number}`;
    const stream = `/applications/${chat.token}/stream?chats=${both}`;
    problemOf(await api.get(stream, await user()), "forbidden");
    const reader = await openStream(api.url + stream, await user({ [chat.number]: ["read"], "*": ["read"] }));
    await reader.until((events) => events.length === 2);
    await reader.close();
    const search = `/applications/${chat.token}/search?q=one`;
    problemOf(await api.get(search, await user()), "forbidden");
    problemOf(await api.get(search, await user({ "*": ["search"], [other.number]: [] })), "forbidden");
    problemOf(await api.get(`${search}&chats=${both}`, await user()), "forbidden");
    for (const [query, chats] of [
      [search, { "*": ["search"] }],
      [`${search}&chats=${chat.number}`, { [chat.number]: ["search"] }],
    ] as const) {
      expect((await api.get(query, await user(chats))).status).to.be.oneOf([200, 503]);
    }
  });

  it("may be signed with a private key whose public key was uploaded", async () => {
    const { publicKey, privateKey } = await generateKeyPair("EdDSA", { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: "mine", use: "sig" };
    const at = `/applications/${chat.token}/public-keys`;
    const upload = (public_key: object) => api.send("POST", at, { name: "login", scopes: ["read"], public_key }, admin);
    const uploaded = readAs(keySchema, await upload(jwk), 201);
    expect(uploaded.public_key).to.deep.equal({ kty: "OKP", crv: "Ed25519", x: jwk.x });
    const now = Math.floor(Date.now() / 1_000);
    const text = await new SignJWT({ sub: "anna", iat: now, exp: now + 60, chats: { "*": everything } })
      .setProtectedHeader({ alg: "EdDSA", kid: uploaded.key_id })
      .sign(privateKey);
    const headers = { authorization: `Bearer ${text}` };
    expect((await api.get(path, headers)).status).to.equal(200);
    problemOf(await api.send("PUT", `${path}/reads/anna`, { number: 1 }, headers), "forbidden");
    problemOf(
      await api.send("POST", `/applications/${chat.token}/keys/${uploaded.key_id}/rotate`, {}, admin),
      "key-not-found",
    );
    expect(
      (await api.send("DELETE", `/applications/${chat.token}/keys/${uploaded.key_id}`, undefined, admin)).status,
    ).to.equal(204);
    problemOf(await api.get(path, headers), "unauthorized");
    const secret = problemOf(await upload(await exportJWK(privateKey)), "validation-failed");
    expect(secret.errors).to.deep.include({
      pointer: "/public_key/d",
      detail: "must be absent: it is the private part, which nobody but you may have",
    });
    for (const wrong of [
      { kty: "RSA", n: "x", e: "AQAB" },
      { kty: "OKP", crv: "X25519", x: jwk.x },
      { kty: "EC", crv: "P-256", x: jwk.x, y: jwk.x },
      { ...jwk, x: "short" },
    ]) {
      problemOf(await upload(wrong), "validation-failed");
    }
  });

  it("say why they are refused, and end their streams when they expire", async () => {
    const now = Math.floor(Date.now() / 1_000);
    const refused = problemOf(
      await api.get(path, await keys.signUser(key.key, { sub: "anna", chats: {}, exp: now - 1 })),
      "unauthorized",
    );
    expect(refused.detail).to.include("expired");
    const short = await keys.signUser(key.key, { sub: "anna", chats: { "*": ["read"] }, exp: now + 2 });
    const reader = await openStream(`${api.url}${path}/messages/stream`, short);
    await reader.until((events) => events.at(-1)?.event === "goodbye");
    expect(reader.events.at(-1)!.data).to.include({ reason: "access-ended" });
    await reader.close();
  });

  it("are not needed beside credentials of other systems", async () => {
    const open = endAfterTest(await startApi(world));
    const foreign = await new SignJWT({}).setProtectedHeader({ alg: "HS256" }).sign(Buffer.alloc(32));
    expect((await open.get(path, { authorization: `Bearer ${foreign}` })).status).to.equal(200);
    problemOf(await open.get(path, await user({ "*": [] })), "forbidden");
  });

  describe("a ticket", () => {
    const tickets = () => `/applications/${chat.token}/tickets`;
    const create = async (headers: Record<string, string>, from = api) =>
      (jsonOf(await from.send("POST", tickets(), undefined, headers), 201) as { ticket: string }).ticket;
    const open = async (ticket: string, at = `${path}/messages/stream`, from = api) => {
      const response = await fetch(`${from.url}${at}${at.includes("?") ? "&" : "?"}ticket=${ticket}`);
      await response.body?.cancel();
      return response.status;
    };

    it("opens one stream, once", async () => {
      const ticket = await create(await user());
      expect(await open(ticket)).to.equal(200);
      expect(await open(ticket), "again").to.equal(401);
      for (const text of ["", "x", `${ticket}x`]) expect(await open(text), text).to.equal(401);
    });

    it("opens what its user may read, for the user's time, and nothing else", async () => {
      const headers = await user();
      const elsewhere = await world.newChat();
      const ofOther = `/applications/${chat.token}/chats/${other.number}/messages/stream`;
      const foreign = `/applications/${elsewhere.token}/chats/${elsewhere.number}/messages/stream`;
      expect(await open(await create(headers), ofOther)).to.equal(403);
      expect(await open(await create(headers), foreign)).to.equal(404);
      expect(await open(await create(headers), `/applications/${chat.token}/stream?chats=${chat.number}`)).to.equal(
        200,
      );
      for (const at of [path, `${path}/messages`]) expect(await open(await create(headers), at), at).to.equal(403);
      problemOf(await api.send("POST", tickets(), undefined, await user({ "*": ["write"] })), "forbidden");

      const now = Math.floor(Date.now() / 1_000);
      const short = await keys.signUser(key.key, { sub: "anna", chats: { "*": ["read"] }, exp: now + 2 });
      const reader = await openStream(`${api.url}${path}/messages/stream?ticket=${await create(short)}`);
      const late = await create(short);
      await reader.until((events) => events.at(-1)?.event === "goodbye");
      expect(await open(late), "after the expiry").to.equal(401);
    });

    it("ends with its key", async () => {
      const reader = await openStream(`${api.url}${path}/messages/stream?ticket=${await create(await user())}`);
      const unused = await create(await user());
      await api.send("DELETE", `/applications/${chat.token}/keys/${key.keyId}`, undefined, admin);
      await reader.until((events) => events.at(-1)?.event === "goodbye");
      expect(await open(unused)).to.equal(401);
    });

    it("stands for a key, for an admin key, and for the token where keys are not required", async () => {
      const ofKey = await keys.make(chat.token, { scopes: ["read"] });
      for (const headers of [ofKey.headers, (await keys.make(null)).headers, admin]) {
        expect(await open(await create(headers))).to.equal(200);
      }
      problemOf(await api.send("POST", tickets()), "unauthorized");
      const free = endAfterTest(await startApi(world, { RATE_LIMITS: "on" }));
      const ticket = await create({}, free);
      expect(await open(ticket, undefined, free)).to.equal(200);
      expect(await open(ticket, undefined, free)).to.equal(401);
    });

    it("is forgotten after its time, and Redis never knows it", async () => {
      const ticket = await create(await user());
      const names = await world.redis.keys(`${world.prefix}:ticket:*`);
      expect(names).to.not.include(ticket);
      for (const name of names) {
        expect(await world.redis.pttl(name)).to.be.within(1, 30_000);
        await world.redis.pexpire(name, 1);
      }
      await sleep(5);
      expect(await open(ticket)).to.equal(401);
    });
  });
});
