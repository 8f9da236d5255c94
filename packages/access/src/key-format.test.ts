import { expect } from "chai";
import { createKey, hasChecksum, hashKey, isSameHash, readKey } from "./key-format.ts";

describe("the format of keys", () => {
  it("has a prefix for each kind, a public id, 32 random bytes and a checksum, in one word", () => {
    for (const [kind, form] of [
      ["application", /^confab_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/],
      ["admin", /^confab_admin_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/],
    ] as const) {
      for (let count = 0; count < 200; count += 1) {
        const { key, keyId, hash } = createKey(kind);
        expect(key).to.match(form).and.match(/^\w+$/);
        expect(readKey(key)).to.deep.equal({ kind, keyId });
        expect(hasChecksum(key)).to.equal(true);
        expect(Buffer.compare(hash, hashKey(key))).to.equal(0);
      }
    }
  });

  it("never repeats a key or an id", () => {
    const made = Array.from({ length: 2_000 }, () => createKey("application"));
    expect(new Set(made.map(({ key }) => key)).size).to.equal(made.length);
    expect(new Set(made.map(({ keyId }) => keyId)).size).to.equal(made.length);
  });

  it("shows by the checksum that any one character is wrong", () => {
    const { key } = createKey("application");
    for (let at = key.indexOf("_") + 1; at < key.length; at += 1) {
      if (key[at] === "_") continue;
      const changed = key.slice(0, at) + (key[at] === "a" ? "b" : "a") + key.slice(at + 1);
      expect(hasChecksum(changed), changed).to.equal(false);
    }
  });

  it("is not read from anything else", () => {
    const { key } = createKey("admin");
    for (const text of [
      "",
      "confab_",
      key.slice(1),
      `${key}x`,
      key.replace("admin_", "root_"),
      key.replace("_", "-"),
    ]) {
      expect(readKey(text), text).to.equal(undefined);
    }
  });

  it("compares hashes of any length", () => {
    expect(isSameHash(hashKey("a"), hashKey("a"))).to.equal(true);
    expect(isSameHash(hashKey("a"), hashKey("b"))).to.equal(false);
    expect(isSameHash(hashKey("a"), Buffer.alloc(3))).to.equal(false);
  });
});
