import { randomUUID } from "node:crypto";
import { createdKeySchema, keySchema, type CreatedKey } from "@confab/contracts";
import { listActs } from "@confab/database";
import { expect } from "chai";
import { z } from "zod";
import { linksOf, problemOf, readAs, startApi, useApi } from "./start.ts";

const admin = { authorization: "Bearer admin-key-for-tests" };

describe("keys", () => {
  let token: string;
  let path: string;
  const { world, api } = useApi({ REQUIRE_KEYS: "on", ADMIN_API_KEY: "admin-key-for-tests" });
  beforeEach(async () => {
    token = await world.newApplication();
    path = `/applications/${token}/keys`;
  });

  const create = async (body: object = {}, at = path, headers: Record<string, string> = admin): Promise<CreatedKey> =>
    readAs(createdKeySchema, await api.send("POST", at, { name: "deploy", scopes: ["read"], ...body }, headers), 201);
  const bearer = ({ key }: { key: string }) => ({ authorization: `Bearer ${key}` });
  const works = async (key: { key: string }): Promise<boolean> => {
    const { status } = await api.get(`/applications/${token}`, bearer(key));
    expect(status).to.be.oneOf([200, 401]);
    return status === 200;
  };
  const list = async (at = path) => readAs(z.array(keySchema), await api.get(at, admin));

  it("are created by an admin key, shown once, and open what their scopes say", async () => {
    const key = await create({ scopes: ["read", "read", "search"] });
    expect(key.key)
      .to.match(/^confab_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/)
      .and.include(key.key_id);
    expect(key).to.deep.include({ name: "deploy", scopes: ["read", "search"], expires_at: null, last_used_at: null });
    expect(await works(key)).to.equal(true);
    const text = JSON.stringify(await list());
    expect(text).to.include(key.key_id).and.not.include(key.key.slice(-49));
    const stored = await world.database.prisma.apiKey.findMany();
    expect(Buffer.concat(stored.map(({ hash }) => hash!)).includes(key.key)).to.equal(false);
  });

  it("with the scope admin create further keys of their application, and of no other one", async () => {
    const first = await create({ scopes: ["admin"] });
    const second = await create({ scopes: ["read"] }, path, bearer(first));
    expect(await works(second)).to.equal(true);
    const other = `/applications/${await world.newApplication()}/keys`;
    problemOf(await api.send("POST", other, { name: "x", scopes: ["read"] }, bearer(first)), "application-not-found");
    problemOf(await api.send("POST", "/admin/keys", { name: "x", scopes: ["read"] }, bearer(first)), "forbidden");
    problemOf(await api.send("POST", path, { name: "x", scopes: ["read"] }, bearer(second)), "forbidden");
  });

  it("of the installation open all applications within their scopes", async () => {
    const key = await create({ scopes: ["read"] }, "/admin/keys");
    expect(key.key).to.match(/^confab_admin_/);
    expect(await works(key)).to.equal(true);
    problemOf(await api.send("POST", "/applications", { name: "x" }, bearer(key)), "forbidden");
    const full = await create({ scopes: ["admin"] }, "/admin/keys");
    expect((await api.send("POST", "/applications", { name: "x" }, bearer(full))).status).to.equal(201);
    expect((await list("/admin/keys")).map(({ key_id }) => key_id)).to.include.members([key.key_id, full.key_id]);
    expect((await api.send("DELETE", `/admin/keys/${key.key_id}`, undefined, admin)).status).to.equal(204);
    expect(await works(key)).to.equal(false);
    problemOf(await api.send("DELETE", `${path}/${full.key_id}`, undefined, admin), "key-not-found");
  });

  it("are listed page by page", async () => {
    const made: string[] = [];
    for (let count = 0; count < 3; count += 1) made.push((await create()).key_id);
    const first = await api.get(`${path}?limit=2`, admin);
    const second = await api.get(linksOf(first).next!, admin);
    const seen = [first, second].flatMap((page) => readAs(z.array(keySchema), page).map(({ key_id }) => key_id));
    expect(seen).to.deep.equal(made);
    expect(linksOf(second)).to.deep.equal({});
    for (const query of ["after=x", "after=........", "limit=0"]) {
      problemOf(await api.get(`${path}?${query}`, admin), "validation-failed");
    }
  });

  it("are replaced, and both work during the grace period", async () => {
    const old = await create({ scopes: ["read", "edit"], name: "worker" });
    const answer = await api.send("POST", `${path}/${old.key_id}/rotate`, { grace_seconds: 3600 }, admin);
    const fresh = readAs(createdKeySchema, answer, 201);
    expect(fresh).to.deep.include({ name: "worker", scopes: ["read", "edit"], expires_at: null });
    expect([await works(old), await works(fresh)]).to.deep.equal([true, true]);
    const [listed] = await list();
    expect(Date.parse(listed!.expires_at!) - Date.now()).to.be.closeTo(3_600_000, 60_000);
    const now = await api.send("POST", `${path}/${old.key_id}/rotate`, { grace_seconds: 0 }, admin);
    expect(now.status).to.equal(201);
    expect([await works(old), await works(fresh)], "without grace").to.deep.equal([false, true]);
    problemOf(await api.send("POST", `${path}/${old.key_id}/rotate`, undefined, admin), "key-not-active");
  });

  it("replace themselves without a body, with a grace period of a day", async () => {
    const old = await create({ scopes: ["admin"] });
    const fresh = readAs(
      createdKeySchema,
      await api.send("POST", `${path}/${old.key_id}/rotate`, undefined, bearer(old)),
      201,
    );
    const listed = readAs(z.array(keySchema), await api.get(path, bearer(fresh)));
    expect(Date.parse(listed[0]!.expires_at!) - Date.now()).to.be.closeTo(86_400_000, 60_000);
  });

  it("are revoked at once, also twice", async () => {
    const key = await create();
    expect(await works(key)).to.equal(true);
    for (let count = 0; count < 2; count += 1) {
      expect((await api.send("DELETE", `${path}/${key.key_id}`, undefined, admin)).status).to.equal(204);
      expect(await works(key)).to.equal(false);
    }
    const [listed] = await list();
    expect(listed!.revoked_at).to.be.a("string");
    problemOf(await api.send("DELETE", `${path}/unknown0`, undefined, admin), "key-not-found");
    problemOf(await api.send("DELETE", `${path}/x`, undefined, admin), "key-not-found");
  });

  it("stop working when they expire, although they are in use", async () => {
    const expiry = new Date(Date.now() + 1_500);
    const key = await create({ expires_at: expiry.toISOString() });
    expect(await works(key)).to.equal(true);
    while (Date.now() <= expiry.getTime()) await works(key);
    expect(await works(key)).to.equal(false);
  });

  it("are refused with a reason if they are badly described", async () => {
    for (const body of [
      { scopes: [] },
      { scopes: ["everything"] },
      { scopes: "read" },
      { name: " " },
      { expires_at: "tomorrow" },
      { expires_at: "2020-01-01T00:00:00Z" },
      { expires_at: 5 },
    ]) {
      const answer = await api.send("POST", path, { name: "x", scopes: ["read"], ...body }, admin);
      expect(problemOf(answer, "validation-failed").errors, JSON.stringify(body)).to.have.length(1);
    }
    for (const grace_seconds of [-1, 1.5, 2_592_001, "1h"]) {
      const { key_id } = await create();
      problemOf(await api.send("POST", `${path}/${key_id}/rotate`, { grace_seconds }, admin), "validation-failed");
    }
    problemOf(
      await api.send("POST", `/applications/${randomUUID()}/keys`, { name: "x", scopes: ["read"] }, admin),
      "application-not-found",
    );
  });

  it("leave entries in the audit log, and no secret there or in the log", async () => {
    const first = await create({ scopes: ["admin", "read"] });
    const second = await create({}, path, bearer(first));
    const rotated = readAs(
      createdKeySchema,
      await api.send("POST", `${path}/${second.key_id}/rotate`, {}, bearer(first)),
      201,
    );
    await api.send("DELETE", `${path}/${rotated.key_id}`, undefined, { ...bearer(first), "x-request-id": "revoking" });
    await api.send("PATCH", `/applications/${token}`, { name: "renamed" }, bearer(first));
    await api.send("POST", `/applications/${token}/erasures`, { sender: "anna" }, bearer(first));
    const chat = await world.newChat(token);
    await api.send("DELETE", `/applications/${token}/chats/${chat.number}`, undefined, admin);
    await api.send("DELETE", `/applications/${token}`, undefined, bearer(first));
    const acts = (await listActs(world.database, { limit: 1_000 })).filter(
      ({ application, actor }) => application === token.slice(0, 8) && actor !== "confab",
    );
    expect(acts.map(({ act, actor, keyId }) => [actor, act, keyId])).to.deep.equal([
      ["admin key", "key-created", first.key_id],
      [`key ${first.key_id}`, "key-created", second.key_id],
      [`key ${first.key_id}`, "key-rotated", second.key_id],
      [`key ${first.key_id}`, "key-created", rotated.key_id],
      [`key ${first.key_id}`, "key-revoked", rotated.key_id],
      [`key ${first.key_id}`, "application-renamed", null],
      [`key ${first.key_id}`, "sender-erased", null],
      ["admin key", "chat-deleted", null],
      [`key ${first.key_id}`, "application-deleted", null],
    ]);
    expect(acts.find(({ act }) => act === "key-revoked")?.requestId).to.equal("revoking");
    for (const { key } of [first, second, rotated]) {
      // Keys in places where no key belongs must not appear either.
      const elsewhere = {
        ...bearer({ key: `${key}x` }),
        "idempotency-key": key,
        cookie: `key=${key}`,
        "x-api-key": key,
      };
      await api.get(`${path}?key=${key}&after=${key}`, elsewhere);
      await api.get(`${path}/${key}`, bearer({ key }));
      await api.send("DELETE", `${path}/${key}`, undefined, bearer({ key }));
      await api.send("POST", path, { name: "x", scopes: [key], key }, bearer({ key }));
      await api.send("POST", path, `{"key":"${key}`, bearer({ key }));
      const written = JSON.stringify([api.lines, acts], (_name, value: unknown) =>
        typeof value === "bigint" ? String(value) : value,
      );
      expect(written).to.include(first.key_id).and.not.include(key.slice(-49));
    }
    expect(JSON.stringify(api.lines)).to.not.include("admin-key-for-tests");
  });

  it("remember when they were last used", async () => {
    const other = await startApi(world, { REQUIRE_KEYS: "on" });
    const key = await create();
    const before = Date.now();
    await other.get(`/applications/${token}`, bearer(key));
    await other.stop();
    const [listed] = await list();
    expect(Date.parse(listed!.last_used_at!)).to.be.within(before - 1, Date.now());
  });
});
