import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { CreatedKey, Key } from "@confab/contracts";
import { eventually } from "@confab/testkit";
import { useStack } from "./stack.ts";

describe("confabctl with keys", function () {
  this.timeout(120_000);
  const stack = useStack(() => ({ REQUIRE_KEYS: "on" }));
  let token: string;
  const withoutAdmin = { ADMIN_API_KEY: "" };

  before(async () => {
    ({ token } = await stack.json<{ token: string }>("app", "create", "Keys"));
  });

  const create = (...args: string[]) => stack.json<CreatedKey>("keys", "create", ...args);

  it("creates, lists, replaces and revokes keys of an application and of the installation", async () => {
    for (const owner of [[token], ["--admin"]]) {
      const key = await create(...owner, "deploy", "--scopes", "read,write", "--expires", "90d");
      expect(key).to.deep.include({ name: "deploy", scopes: ["read", "write"] });
      expect(Date.parse(key.expires_at!) - Date.now()).to.be.closeTo(90 * 86_400_000, 60_000);
      const fresh = await stack.json<CreatedKey>("keys", "rotate", ...owner, key.key_id, "--grace", "1h");
      await stack.json("keys", "revoke", ...owner, key.key_id, "--yes");
      const keys = await stack.json<Key[]>("keys", "list", ...owner);
      expect(keys.map(({ key_id, revoked_at }) => [key_id, revoked_at === null])).to.deep.equal([
        [key.key_id, false],
        [fresh.key_id, true],
      ]);
    }
  });

  it("shows the key to people once, apart from everything else", async () => {
    const { code, stdout, stderr } = await stack.run(["keys", "create", token, "shown", "--scopes", "read"]);
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/^KEY {2}confab_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}\n\nID +NAME +KIND +SCOPES/);
    expect(stderr).to.match(/shown only now/);
    const list = await stack.run(["keys", "list", token]);
    expect(list.stdout)
      .to.include("shown")
      .and.not.match(/confab_\w/);
  });

  it("uploads public keys, from PEM and from a JSON Web Key, and never a private part", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const files = {
      "public.pem": publicKey.export({ type: "spki", format: "pem" }),
      "private.pem": privateKey.export({ type: "pkcs8", format: "pem" }),
      "private.jwk": JSON.stringify(privateKey.export({ format: "jwk" })),
    };
    for (const [name, content] of Object.entries(files)) {
      const file = join(stack.folder, name);
      await writeFile(file, content);
      const key = await stack.json<Key>("keys", "upload", token, "login", file, "--scopes", "read", "--expires", "90d");
      expect(key.public_key, name).to.deep.equal(publicKey.export({ format: "jwk" }));
    }
    const list = await stack.run(["keys", "list", token]);
    expect(list.stdout).to.match(/login +public key +read/);
    await writeFile(join(stack.folder, "no.key"), "nonsense");
    const { code, stderr } = await stack.run([
      "keys",
      "upload",
      token,
      "x",
      join(stack.folder, "no.key"),
      "--scopes",
      "read",
    ]);
    expect(code).to.equal(2);
    expect(stderr).to.include("It must be a public key");
  });

  it("signs user tokens, which do what they say and no more", async () => {
    const { key } = await create(token, "signer", "--scopes", "read,write,edit");
    await stack.run(["chat", "create", token]);
    await stack.run(["chat", "create", token]);
    const sign = (...args: string[]) => stack.run(["user-token", "anna", ...args], { CONFAB_KEY: key });
    const many = Array.from({ length: 300 }, (_, at) => 100_001 + at).join(",");
    const { stdout } = await sign("--chat", `1,${many}=read,write`, "--chat", "*=read", "--lifetime", "5m");
    const user = { ...withoutAdmin, CONFAB_KEY: stdout.trim() };
    const sent = await stack.run(["send", token, "1", "hello", "--json"], user);
    expect(sent.code, sent.stderr).to.equal(0);
    expect(JSON.parse(sent.stdout)).to.include({ sender: "anna" });
    expect(await stack.run(["send", token, "2", "hello"], user)).to.include({ code: 3 });
    expect((await stack.run(["tail", token, "2", "--no-follow"], user)).code).to.equal(0);

    expect((await sign("--chat", "1=admin")).stderr).to.include("must be one of read, write, search, edit");
    expect((await sign("--chat", "1=read", "--lifetime", "25h")).stderr).to.include("at most 86400 seconds");
    expect((await sign("--chat", "one=read")).stderr).to.include("such as 7=read,write");
    const unsigned = await stack.run(["user-token", "anna", "--chat", "1=read"], withoutAdmin);
    expect(unsigned.stderr).to.include("CONFAB_KEY");
  });

  it("uses a key from the variable, from a file and from the command line", async () => {
    const { key } = await create(token, "app", "--scopes", "read,write");
    const file = join(stack.folder, "key");
    await writeFile(file, `${key}\n`);
    const chat = ["chat", "create", token];
    for (const [args, env] of [
      [chat, { CONFAB_KEY: key }],
      [chat, { CONFAB_KEY_FILE: file }],
      [["--key-file", file, ...chat], {}],
      [["--key", key, ...chat], {}],
    ] as const) {
      const { code, stderr } = await stack.run(args, { ...withoutAdmin, ...env });
      expect(code, stderr).to.equal(0);
    }
    const sent = await stack.run(["send", token, "1", "hello"], { ...withoutAdmin, CONFAB_KEY: key });
    expect(sent.code, sent.stderr).to.equal(0);
    const shown = await stack.run(["tail", token, "1", "--no-follow"], { ...withoutAdmin, CONFAB_KEY: key });
    expect(shown.stdout).to.include("hello");

    const without = await stack.run(chat, withoutAdmin);
    expect(without).to.include({ code: 3 });
    expect(without.stderr).to.match(/401 unauthorized/);
    const narrow = await stack.run(["search", token, "1", "hello"], { ...withoutAdmin, CONFAB_KEY: key });
    expect(narrow.stderr).to.match(/needs a key with the scope search.*403 forbidden/);
    const missing = await stack.run(["--key-file", `${file}-missing`, ...chat], withoutAdmin);
    expect(missing).to.include({ code: 2 });
  });

  it("imports with an admin key that may create applications and import, and nothing else", async () => {
    const { key } = await create("--admin", "import", "--scopes", "admin,import");
    const env = { ...withoutAdmin, CONFAB_KEY: key };
    const line = JSON.stringify({ application: "Imported", chat: null, messages: ["hello"] });
    const { code, stderr } = await stack.run(["import", "-"], env, `${line}\n`);
    expect(code, stderr).to.equal(0);
    expect((await stack.run(["send", token, "1", "hello"], env)).code).to.equal(3);
  });

  it("says what is wrong with scopes, times and ids", async () => {
    for (const [args, says] of [
      [["create", token, "x"], /required option '--scopes/],
      [["create", token, "x", "--scopes", "all"], /one or more of read, write/],
      [["create", token, "x", "--scopes", "read", "--expires", "soon"], /a duration/],
      [["revoke", token, "x"], /eight characters/],
      [["list"], /no application is named/],
    ] as const) {
      const { code, stderr } = await stack.run(["keys", ...args]);
      expect(code, stderr).to.equal(2);
      expect(stderr).to.match(says);
    }
  });

  it("tests an installation that requires keys with the admin key alone", async () => {
    const { code, stdout, stderr } = await stack.run(["verify", "--quick"]);
    expect(code, `${stdout}\n${stderr}`).to.equal(0);
  });

  it("prints the audit log, without a secret", async () => {
    const { token: own } = await stack.json<{ token: string }>("app", "create", "Audited");
    const key = await create(own, "audited", "--scopes", "admin");
    const revoked = await stack.run(["keys", "revoke", own, key.key_id, "--yes"], {
      ...withoutAdmin,
      CONFAB_KEY: key.key,
    });
    expect(revoked.code, revoked.stderr).to.equal(0);
    await eventually(async () => {
      const acts = await stack.json<Record<string, string>[]>("audit", "--since", "1h", "--limit", "3");
      expect(acts.map(({ actor, act, application, key_id }) => [actor, act, application, key_id])).to.deep.equal([
        ["admin key", "application-created", own.slice(0, 8), null],
        ["admin key", "key-created", own.slice(0, 8), key.key_id],
        [`key ${key.key_id}`, "key-revoked", own.slice(0, 8), key.key_id],
      ]);
    });
    const { stdout } = await stack.run(["audit"]);
    expect(stdout)
      .to.match(/^TIME +ACTOR +ACT/)
      .and.include(key.key_id)
      .and.not.include(key.key)
      .and.not.include(own);
    expect(JSON.parse((await stack.run(["audit", "--since", "2999-01-01", "--json"])).stdout)).to.deep.equal([]);
  });
});
