import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { idOf, keyTable, rejection } from "../test/key-table.ts";
import { createWatches } from "./access-watches.ts";
import { createKey, hashKey } from "./key-format.ts";
import { KeysUnavailable } from "./key-lookups.ts";

describe("a keyring", () => {
  it("asks once for a key, and then answers without a promise", async () => {
    const { add, keyring, queries } = keyTable();
    const key = add();
    expect(await keyring.find(key)).to.include({ name: `key ${idOf(key)}`, token: "token" });
    expect(keyring.find(key)).to.include({ token: "token" });
    expect(queries).to.have.length(1);
  });

  it("refuses texts that are no keys, and keys with a wrong checksum, without a question", () => {
    const { add, keyring, queries } = keyTable();
    const key = add();
    for (const text of ["", "confab_", `${key}0`, `${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`]) {
      expect(keyring.find(text), text).to.equal(undefined);
    }
    expect(queries).to.have.length(0);
  });

  it("refuses another secret under a known id without a question", async () => {
    const { add, keyring, queries, rows } = keyTable();
    const key = add();
    await keyring.find(key);
    const other = createKey("application");
    rows.set(other.keyId, { ...rows.get(idOf(key))!, keyId: other.keyId, hash: hashKey("another key") });
    expect(await keyring.find(other.key)).to.equal(undefined);
    expect(keyring.find(other.key)).to.equal(undefined);
    expect(queries).to.have.length(2);
  });

  it("asks for many invented keys in few queries, once for each, and refuses too many at once", async () => {
    const { keyring, queries } = keyTable();
    const invented = Array.from({ length: 3_000 }, () => createKey("application").key);
    const answers = await Promise.all(invented.map(async (key) => keyring.find(key)));
    expect(answers.every((answer) => answer === undefined)).to.equal(true);
    expect(queries).to.have.length(6);
    for (const key of invented) expect(keyring.find(key)).to.equal(undefined);
    expect(queries).to.have.length(6);
    const many = Array.from({ length: 10_001 }, () => rejection(keyring.find(createKey("application").key)));
    expect((await Promise.all(many)).filter((error) => error instanceof KeysUnavailable)).to.have.length(1);
  });

  it("forgets the keys that were read longest ago if there are too many", async () => {
    const { add, keyring, queries } = keyTable({ maxKeys: 2 });
    const keys = [add(), add(), add()];
    for (const key of keys) await keyring.find(key);
    await keyring.find(keys[0]!);
    expect(queries).to.have.length(4);
    expect(keyring.find(keys[2]!)).to.include({ token: "token" });
  });

  it("checks the expiry on every use", async () => {
    const { add, keyring } = keyTable();
    const key = add(new Date(Date.now() + 1_000));
    expect(await keyring.find(key)).to.include({ token: "token" });
    await sleep(1_010);
    expect(keyring.find(key)).to.equal(undefined);
  });

  it("reads a key again when it is old: in the background while it is in use, otherwise before its next use", async () => {
    const { add, keyring, revoke } = keyTable({ freshMs: 1_000 });
    const [used, unused] = [add(), add()];
    await Promise.all([keyring.find(used), keyring.find(unused)]);
    revoke(used);
    revoke(unused);
    for (let answer = keyring.find(used); answer !== undefined; answer = keyring.find(used)) {
      expect(answer, "without a wait").to.include({ token: "token" });
      await sleep(10);
    }
    await sleep(600);
    expect(await keyring.find(unused)).to.equal(undefined);
  });

  it("works with known keys while the database is unavailable, for a bounded time, and asks it once per second", async () => {
    const { add, keyring, queries, state } = keyTable({ freshMs: 20, staleMs: 2_000 });
    const key = add();
    await keyring.find(key);
    state.isUnavailable = true;
    await sleep(30);
    expect(await keyring.find(key), "the first that notices").to.include({ token: "token" });
    for (let count = 0; count < 50; count += 1) expect(keyring.find(key)).to.include({ token: "token" });
    expect(queries).to.have.length(2);
    expect(await rejection(keyring.find(createKey("application").key))).to.be.instanceOf(KeysUnavailable);
    await sleep(2_000);
    expect(await rejection(keyring.find(key))).to.be.instanceOf(KeysUnavailable);
    state.isUnavailable = false;
    await sleep(1_000);
    expect(await keyring.find(key)).to.include({ token: "token" });
  });

  it("does not use what was read before a change, also if the query was under way", async () => {
    const { add, keyring, revoke, state } = keyTable();
    const key = add();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    state.held = promise;
    const finding = keyring.find(key);
    await sleep(0);
    keyring.change(revoke(key));
    resolve(undefined);
    expect(await finding).to.equal(undefined);
    expect(keyring.find(key)).to.equal(undefined);
  });

  it("reads all keys again if changes may have been missed", async () => {
    const { add, keyring, revoke } = keyTable();
    const key = add();
    await keyring.find(key);
    revoke(key);
    expect(keyring.find(key)).to.include({ token: "token" });
    await sleep(2);
    keyring.distrust();
    expect(await keyring.find(key)).to.equal(undefined);
  });

  it("passes each last use once, also of keys that it forgot, and again if it was not written", async () => {
    const { add, keyring } = keyTable({ maxKeys: 1 });
    const [first, second] = [add(), add()];
    await keyring.find(first);
    await keyring.find(second);
    const written: string[][] = [];
    const write = (uses: ReadonlyMap<string, Date>) => {
      written.push([...uses.keys()]);
      return Promise.resolve();
    };
    await rejection(keyring.writeUses(() => Promise.reject(new Error("the database is unavailable"))));
    await keyring.writeUses(write);
    await keyring.writeUses(write);
    await sleep(2);
    void keyring.find(second);
    await keyring.writeUses(write);
    expect(written).to.deep.equal([[idOf(first), idOf(second)], [idOf(second)]]);
  });
});

describe("a watch on a principal", () => {
  const start = async (table: ReturnType<typeof keyTable>, key: string, staleMs = 60_000) => {
    const watches = createWatches({ keyring: table.keyring, staleMs, intervalMs: 10 });
    const principal = await table.keyring.find(key);
    const ended: string[] = [];
    const unwatch = watches.watch(principal!, () => ended.push("first"));
    watches.watch(principal!, () => ended.push("second"));
    return { watches, ended, unwatch };
  };

  it("ends all requests of a key that is revoked, at once, but not those that have left", async () => {
    const table = keyTable();
    const key = table.add();
    const { watches, ended, unwatch } = await start(table, key);
    table.keyring.change(idOf(key));
    await sleep(30);
    expect(ended, "a change that is no revocation").to.deep.equal([]);
    unwatch();
    table.keyring.change(table.revoke(key));
    await eventually(() => {
      expect(ended).to.deep.equal(["second"]);
    });
    watches.stop();
  });

  it("ends them when the key expires, also earlier than it was known at first", async () => {
    const table = keyTable();
    const key = table.add();
    const { watches, ended } = await start(table, key);
    const keyId = idOf(key);
    table.rows.set(keyId, { ...table.rows.get(keyId)!, expiresAt: new Date(Date.now() + 50) });
    table.keyring.change(keyId);
    await eventually(() => {
      expect(ended).to.deep.equal(["first", "second"]);
    });
    watches.stop();
  });

  it("finds a revocation that nobody announced, and ends them if the database confirms nothing any more", async () => {
    const unannounced = keyTable({ freshMs: 50 });
    const key = unannounced.add();
    const first = await start(unannounced, key);
    unannounced.revoke(key);
    await eventually(() => {
      expect(first.ended).to.deep.equal(["first", "second"]);
    });

    const silent = keyTable({ freshMs: 20, staleMs: 2_000 });
    const second = await start(silent, silent.add(), 2_000);
    silent.state.isUnavailable = true;
    await sleep(100);
    expect(second.ended).to.deep.equal([]);
    await eventually(() => {
      expect(second.ended).to.deep.equal(["first", "second"]);
    });
    for (const { watches } of [first, second]) watches.stop();
  });
});
