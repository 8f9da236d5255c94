import { randomBytes, randomUUID } from "node:crypto";
import { useForAll } from "@confab/testkit";
import { createKeys, KeyNotActive, listActs, type KeyOwner } from "@confab/database";
import { expect } from "chai";
import { openTestDatabase, rejection } from "./setup.ts";

describe("keys", () => {
  let token: string;
  const test = useForAll(openTestDatabase);
  const keys = useForAll(() => createKeys(test.database, { timeoutMs: 5_000 }));
  beforeEach(async () => {
    ({ token } = await test.applications.create({ token: randomUUID(), name: "test" }));
  });

  const by = { name: "key tester00", requestId: "request-1" };
  const identity = () => ({ keyId: randomBytes(4).toString("hex"), hash: randomBytes(32) });
  const create = async (owner: KeyOwner, expiresAt: Date | null = null) => {
    const made = identity();
    const row = await keys.create(owner, { ...made, name: "deploy", scopes: ["read", "write"], expiresAt }, by);
    return { ...made, row: row! };
  };
  const actsOf = async (keyId: string) =>
    (await listActs(test.database, { limit: 1_000 })).filter((entry) => entry.keyId === keyId).map(({ act }) => act);

  it("are stored as a hash with their owner and scopes, and read back in one query", async () => {
    const [own, admin] = [await create(token), await create(null)];
    const found = await keys.credentials([own.keyId, admin.keyId, "unknown0"]);
    expect(found).to.have.length(2);
    for (const [{ keyId, hash }, owner] of [
      [own, token],
      [admin, null],
    ] as const) {
      const credential = found.find((each) => each.keyId === keyId)!;
      expect(credential).to.deep.include({ token: owner, scopes: ["read", "write"], expiresAt: null, revokedAt: null });
      expect(Buffer.compare(credential.hash!, hash)).to.equal(0);
      expect(credential.publicKey).to.equal(null);
    }
    expect(
      await keys.create(randomUUID(), { ...identity(), name: "x", scopes: ["read"], expiresAt: null }, by),
    ).to.equal(undefined);
  });

  it("may be public keys, which have no hash and no successor", async () => {
    const publicKey = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" } as const;
    const made = { keyId: randomBytes(4).toString("hex"), hash: null, publicKey };
    const row = await keys.create(token, { ...made, name: "login", scopes: ["read"], expiresAt: null }, by);
    expect(row).to.deep.include({ publicId: made.keyId, hash: null, publicKey });
    expect((await keys.credentials([made.keyId]))[0]).to.deep.include({ hash: null, publicKey, token });
    expect((await keys.list(token, { limit: 50 }))!.items[0]).to.deep.include({ publicKey });
    expect(await keys.rotate(token, made.keyId, { ...identity(), graceMs: 0 }, by)).to.equal(undefined);
    expect(await keys.revoke(token, made.keyId, by)).to.equal(true);
  });

  it("are active until they expire or are revoked", async () => {
    await test.database.prisma.apiKey.deleteMany();
    await create(token, new Date(Date.now() - 1_000));
    const { keyId } = await create(token);
    expect(await keys.hasActive()).to.equal(true);
    await keys.revoke(token, keyId, by);
    expect(await keys.hasActive()).to.equal(false);
    await create(null, new Date(Date.now() + 60_000));
    expect(await keys.hasActive()).to.equal(true);
  });

  it("are listed page by page, only to their owner", async () => {
    const made = [];
    for (let count = 0; count < 5; count += 1) made.push((await create(token)).keyId);
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await keys.list(token, { after, limit: 2 });
      seen.push(...page!.items.map(({ publicId }) => publicId));
      after = page!.next;
    } while (after !== undefined);
    expect(seen).to.deep.equal(made);
    const { token: other } = await test.applications.create({ token: randomUUID(), name: "other" });
    expect(await keys.list(other, { limit: 50 })).to.deep.equal({ items: [], next: undefined });
    expect(await keys.list(randomUUID(), { limit: 50 })).to.equal(undefined);
    expect(await keys.revoke(other, made[0]!, by)).to.equal(false);
    expect(await keys.revoke(null, made[0]!, by)).to.equal(false);
    expect(await keys.rotate(other, made[0]!, { ...identity(), graceMs: 0 }, by)).to.equal(undefined);
  });

  it("are replaced with the same name, scopes and lifetime, and expire after the grace period", async () => {
    const hour = 3_600_000;
    const old = await create(token, new Date(Date.now() + 2 * hour));
    const successor = identity();
    const row = await keys.rotate(token, old.keyId, { ...successor, graceMs: hour }, by);
    expect(row).to.deep.include({ publicId: successor.keyId, name: "deploy", scopes: ["read", "write"] });
    expect(row!.expiresAt!.getTime() - row!.createdAt.getTime()).to.be.closeTo(2 * hour, 5_000);
    const [before] = await keys.credentials([old.keyId]);
    expect(before!.expiresAt!.getTime() - Date.now()).to.be.closeTo(hour, 60_000);
    await keys.rotate(token, old.keyId, { ...identity(), graceMs: 20 * hour }, by);
    const [unchanged] = await keys.credentials([old.keyId]);
    expect(unchanged!.expiresAt, "a grace period never prolongs a key").to.deep.equal(before!.expiresAt);
    expect(await actsOf(old.keyId)).to.deep.equal(["key-created", "key-rotated", "key-rotated"]);
    expect(await actsOf(successor.keyId)).to.deep.equal(["key-created"]);
  });

  it("cannot be replaced once they are revoked or have expired", async () => {
    const revoked = await create(token);
    expect(await keys.revoke(token, revoked.keyId, by)).to.equal(true);
    expect(await keys.revoke(token, revoked.keyId, by), "again").to.equal(true);
    expect(await actsOf(revoked.keyId)).to.deep.equal(["key-created", "key-revoked"]);
    const expired = await create(token, new Date(Date.now() - 1));
    for (const { keyId } of [revoked, expired]) {
      expect(await rejection(keys.rotate(token, keyId, { ...identity(), graceMs: 0 }, by))).to.be.instanceOf(
        KeyNotActive,
      );
    }
  });

  it("are rotated and revoked by one request at a time", async () => {
    const { keyId } = await create(token);
    const attempts = await Promise.allSettled([
      keys.revoke(token, keyId, by),
      ...Array.from({ length: 5 }, () => keys.rotate(token, keyId, { ...identity(), graceMs: 0 }, by)),
    ]);
    // With a grace period of zero, the second request finds a key that has already ended.
    const done = attempts.filter(({ status }) => status === "fulfilled");
    const [credential] = await keys.credentials([keyId]);
    expect(credential!.revokedAt ?? credential!.expiresAt).to.not.equal(null);
    expect(done.length).to.be.within(1, 2);
  });

  it("remember the latest use, whatever order the writers come in", async () => {
    const [first, second] = [await create(token), await create(token)];
    const at = (ms: number) => new Date(Date.now() + ms);
    const [early, late] = [at(1_000), at(60_000)];
    await keys.markUsed(new Map([[first.keyId, late]]));
    await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        keys.markUsed(
          new Map(
            index % 2
              ? [
                  [first.keyId, early],
                  [second.keyId, late],
                ]
              : [
                  [second.keyId, early],
                  [first.keyId, early],
                ],
          ),
        ),
      ),
    );
    const { items } = (await keys.list(token, { limit: 50 }))!;
    expect(items.map(({ lastUsedAt }) => lastUsedAt)).to.deep.equal([late, late]);
  });

  it("are deleted with their application", async () => {
    const { keyId } = await create(token);
    await test.database.prisma.application.delete({ where: { token } });
    expect(await keys.credentials([keyId])).to.deep.equal([]);
    expect(await actsOf(keyId), "the entries stay").to.deep.equal(["key-created"]);
  });
});

describe("the audit log", () => {
  const test = useForAll(openTestDatabase);

  it("has an entry for each creation, renaming and limit, with little of the token, and none for a replay", async () => {
    const by = { name: "admin key", requestId: "r-1" };
    const token = randomUUID();
    const idempotency = { key: randomUUID(), requestHash: randomBytes(32) };
    await test.applications.create({ token, name: "a", idempotency, by });
    await test.applications.create({ token: randomUUID(), name: "a", idempotency, by });
    await test.applications.change(token, { name: "b" }, by);
    await test.applications.change(randomUUID(), { name: "unknown", retentionDays: 1 }, by);
    await test.applications.change(token, { retentionDays: 30 }, by);
    const { number } = (await test.chats.create({ token }))!;
    await test.chats.change(token, number, { name: "c" }, by);
    await test.chats.change(token, number, { retentionDays: 0 }, by);
    const entries = await listActs(test.database, { limit: 10 });
    expect(
      entries.map(({ act, actor, application, keyId, requestId }) => [act, actor, application, keyId, requestId]),
    ).to.deep.equal([
      ["application-created", "admin key", token.slice(0, 8), null, "r-1"],
      ["application-renamed", "admin key", token.slice(0, 8), null, "r-1"],
      ["retention-changed", "admin key", token.slice(0, 8), null, "r-1"],
      ["retention-changed", "admin key", token.slice(0, 8), null, "r-1"],
    ]);
    expect(await listActs(test.database, { limit: 1 })).to.deep.equal(entries.slice(3));
    expect(await listActs(test.database, { since: new Date(Date.now() + 60_000), limit: 9 })).to.deep.equal([]);
  });

  it("keeps nothing of an act that was rolled back", async () => {
    const { prisma } = test.database;
    await prisma.$executeRawUnsafe("RENAME TABLE audit_log TO audit_log_elsewhere");
    try {
      const token = randomUUID();
      await rejection(test.applications.create({ token, name: "a" }));
      expect(await test.applications.find(token), "an act without its entry").to.equal(undefined);
    } finally {
      await prisma.$executeRawUnsafe("RENAME TABLE audit_log_elsewhere TO audit_log");
    }
  });
});
