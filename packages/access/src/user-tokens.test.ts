import type { PublicKey } from "@confab/contracts";
import { eventually } from "@confab/testkit";
import { expect } from "chai";
import {
  exportJWK,
  generateKeyPair,
  SignJWT,
  UnsecuredJWT,
  type CryptoKey,
  type JWTPayload,
  type KeyObject,
} from "jose";
import { idOf, keyTable, rejection } from "../test/key-table.ts";
import { createWatches } from "./access-watches.ts";
import { hashKey } from "./key-format.ts";
import { createUserTokens, InvalidUserToken } from "./user-tokens.ts";

const now = () => Math.floor(Date.now() / 1_000);
/** A claim whose value is undefined is left out. */
const claims = (changes: object = {}): JWTPayload => ({
  sub: "anna",
  iat: now(),
  exp: now() + 600,
  chats: { "7": ["read", "write"], "*": ["read"] },
  ...changes,
});
const sign = (payload: JWTPayload, kid: string, alg: string, secret: CryptoKey | KeyObject | Uint8Array) =>
  new SignJWT(payload).setProtectedHeader({ alg, kid }).sign(secret);

describe("user tokens", () => {
  const scopes = ["read", "write", "edit"] as const;

  function secretKey() {
    const table = keyTable();
    const key = table.add(null, { scopes });
    const sent = (changes?: object, alg = "HS256") => sign(claims(changes), idOf(key), alg, hashKey(key));
    return { ...table, key, keyId: idOf(key), sent, tokens: createUserTokens(table) };
  }

  async function publicKey(alg: "EdDSA" | "ES256") {
    const table = keyTable();
    const pair = await generateKeyPair(alg, { extractable: true });
    const jwk = (await exportJWK(pair.publicKey)) as PublicKey;
    const keyId = idOf(table.add(null, { hash: null, publicKey: jwk, scopes }));
    return { ...table, keyId, jwk, ...pair, tokens: createUserTokens(table) };
  }

  const refusal = async (tokens: ReturnType<typeof createUserTokens>, text: string): Promise<string> => {
    const error = await rejection((async () => tokens.find(text))());
    expect(error).to.be.instanceOf(InvalidUserToken);
    return (error as Error).message;
  };

  it("name a user and the scopes in each chat, within those of the key", async () => {
    const { tokens, sent, keyId } = secretKey();
    const exp = now() + 60;
    const chats = { "7": ["read", "search", "edit"], "8": [], "*": ["read"] };
    const principal = await tokens.find(await sent({ exp, chats }));
    expect(principal).to.deep.include({
      token: "token",
      keyId,
      expiresAt: 1_000 * exp,
      scopes: new Set(["read", "edit"]),
    });
    expect(principal!.user!.id).to.equal("anna");
    expect([...principal!.user!.chats]).to.deep.equal([
      ["7", new Set(["read", "edit"])],
      ["8", new Set()],
      ["*", new Set(["read"])],
    ]);
  });

  it("are verified by public keys, once", async () => {
    for (const alg of ["EdDSA", "ES256"] as const) {
      const { tokens, keyId, privateKey, queries } = await publicKey(alg);
      const text = await sign(claims(), keyId, alg, privateKey);
      const first = tokens.find(text);
      expect(first, alg).to.be.instanceOf(Promise);
      expect((await first)!.user!.id).to.equal("anna");
      expect(tokens.find(text), "without a promise").to.equal(await first);
      expect(queries).to.have.length(1);
    }
  });

  it("are refused with any algorithm but that of the key", async () => {
    const { tokens, keyId, jwk } = await publicKey("EdDSA");
    const confused = [JSON.stringify(jwk), jwk.x, Buffer.from(jwk.x, "base64url")];
    for (const secret of confused) {
      expect(
        await refusal(tokens, await sign(claims(), keyId, "HS256", Buffer.from(secret).subarray(0, 200))),
      ).to.equal("");
    }
    const other = await publicKey("ES256");
    expect(await refusal(tokens, await sign(claims(), keyId, "ES256", other.privateKey))).to.equal("");
    const secret = secretKey();
    for (const alg of ["HS384", "HS512"]) expect(await refusal(secret.tokens, await secret.sent({}, alg))).to.equal("");
    const { privateKey } = await generateKeyPair("EdDSA");
    expect(await refusal(secret.tokens, await sign(claims(), secret.keyId, "EdDSA", privateKey))).to.equal("");
    const header = Buffer.from(JSON.stringify({ alg: "none", kid: secret.keyId })).toString("base64url");
    const none = new UnsecuredJWT(claims()).encode();
    expect(await refusal(secret.tokens, `${header}.${none.split(".")[1]!}.`)).to.equal("");
  });

  it("are refused if anything of them was changed, or if another key signed them", async () => {
    const { tokens, sent, add, keyId } = secretKey();
    const [header, payload, signature] = (await sent()).split(".") as [string, string, string];
    const forged = Buffer.from(JSON.stringify(claims({ sub: "eve" }))).toString("base64url");
    expect(await refusal(tokens, `${header}.${forged}.${signature}`)).to.equal("");
    expect(await refusal(tokens, `${header}.${payload}.`)).to.equal("");
    expect(await refusal(tokens, await sign(claims(), keyId, "HS256", hashKey(add())))).to.equal("");
  });

  it("are refused if their key is unknown, revoked, expired or an admin key", async () => {
    const { tokens, key, sent, add, revoke, keyring } = secretKey();
    expect(await refusal(tokens, await sign(claims(), "unknown0", "HS256", Buffer.alloc(32)))).to.equal("");
    const admin = add(null, { token: null });
    expect(await refusal(tokens, await sign(claims(), idOf(admin), "HS256", hashKey(admin)))).to.equal("");
    const expired = add(new Date(Date.now() - 1));
    expect(await refusal(tokens, await sign(claims(), idOf(expired), "HS256", hashKey(expired)))).to.equal("");
    const text = await sent();
    await tokens.find(text);
    keyring.change(revoke(key));
    expect(await refusal(tokens, text), "also one that was used before").to.equal("");
  });

  it("are refused with the reason if a claim is missing or wrong", async () => {
    const { tokens, sent } = secretKey();
    const day = 86_400;
    for (const [changes, reason] of [
      [{ exp: now() - 60 }, /^it has expired; sign a new one$/],
      [{ exp: undefined }, /exp must be a time in seconds since 1970/],
      [{ iat: undefined }, /iat is missing/],
      [{ exp: "tomorrow" }, /exp must be a time in seconds since 1970/],
      [{ exp: 1e300 }, /exp must be a time in seconds since 1970/],
      [{ iat: now() + 120, exp: now() + 180 }, /iat is in the future/],
      [{ nbf: now() + 120 }, /nbf is in the future/],
      [{ exp: now() + day + 100 }, /exp must be at most 86400 seconds after iat/],
      [{ iat: now() - day - 100, exp: now() + 60 }, /iat is more than 86400 seconds ago/],
      [{ sub: undefined }, /sub must be a string/],
      [{ sub: "" }, /sub must not be empty/],
      [{ sub: "x".repeat(257) }, /sub must have at most 256/],
      [{ chats: undefined }, /chats must be an object/],
      [{ chats: { "7": ["admin"] } }, /chats\.7\.0 must be one of read, write, search, edit/],
      [{ chats: { "07": ["read"] } }, /chats\.07 must be numbers of chats with commas and no spaces/],
      [{ chats: { "7,": ["read"] } }, /chats\."7," must be numbers/],
      [{ chats: { "7,*": ["read"] } }, /chats\."7,\*" must be numbers/],
      [{ chats: { "2, 3": ["read"] } }, /chats\."2, 3" must be numbers of chats with commas and no spaces/],
      [{ chats: { "7": "read" } }, /chats\.7 must be an array of scopes/],
      [{ chats: ["read"] }, /chats must be an object/],
      [{ chats: { "7,8": ["read"], "8": [] } }, /chats must name each chat once/],
    ] as const) {
      const message = await refusal(tokens, await sent(changes));
      expect(message, JSON.stringify(changes))
        .to.match(reason)
        .and.not.match(/invalid|input|claim value|check failed/i);
    }
    const long = Object.fromEntries(Array.from({ length: 900 }, (_, at) => [String(at + 1), ["read"]]));
    expect(await refusal(tokens, await sent({ chats: long }))).to.match(/more than 8192 characters/);
  });

  it("end at their time, although they were verified before", async () => {
    const { tokens, sent } = secretKey();
    const text = await sent({ exp: now() + 1 });
    expect(await tokens.find(text)).to.not.equal(undefined);
    await eventually(async () => {
      expect(await refusal(tokens, text)).to.equal("it has expired; sign a new one");
    });
  });

  it("of other systems are none of ours", async () => {
    const { tokens } = secretKey();
    const foreign = await sign(claims(), "https://id.example/keys/1", "HS256", Buffer.alloc(32));
    for (const text of [foreign, "a.b.c", "something-else", "", "eyJhbGciOiJub25lIn0.e30."]) {
      expect(tokens.find(text), text).to.equal(undefined);
    }
  });

  it("use their key only if they are valid", async () => {
    const { tokens, sent, keyring, keyId } = secretKey();
    const written: string[] = [];
    const write = (uses: ReadonlyMap<string, Date>) => Promise.resolve(void written.push(...uses.keys()));
    await refusal(tokens, `${(await sent()).slice(0, -4)}AAAA`);
    await keyring.writeUses(write);
    expect(written).to.deep.equal([]);
    await tokens.find(await sent());
    await keyring.writeUses(write);
    expect(written).to.deep.equal([keyId]);
  });

  it("hold 300 chats of six digits with all scopes", async () => {
    const { tokens, sent } = secretKey();
    const names = Array.from({ length: 300 }, (_, at) => String(100_001 + at));
    const text = await sent({ sub: "x".repeat(64), chats: { [names.join(",")]: ["read", "write", "search", "edit"] } });
    expect(text.length).to.be.below(3_500);
    const { chats } = (await tokens.find(text))!.user!;
    expect([...chats.keys()]).to.deep.equal(names);
    expect(new Set(chats.values()), "one set for all").to.have.property("size", 1);
    expect([...chats.get("100300")!]).to.deep.equal(["read", "write", "edit"]);
  });

  it("are forgotten when they need too much memory", async () => {
    const { queries, ...table } = secretKey();
    const tokens = createUserTokens({ ...table, maxBytes: 4 * 2_400 });
    const texts = await Promise.all(["a", "b"].map((sub) => table.sent({ sub })));
    for (const text of texts) await tokens.find(text);
    expect(tokens.find(texts[1]!)).to.not.be.instanceOf(Promise);
    expect(tokens.find(texts[0]!)).to.be.instanceOf(Promise);
    expect(queries).to.have.length(1);
  });

  it("end what lasts: at their expiry, and when their key is revoked", async () => {
    const { tokens, sent, keyring, key, revoke } = secretKey();
    const watches = createWatches({ keyring, staleMs: 60_000, intervalMs: 10 });
    const ended: string[] = [];
    const watch = async (name: string, exp: number) => {
      const principal = (await tokens.find(await sent({ sub: name, exp })))!;
      return watches.watch(principal, () => ended.push(name));
    };
    await watch("short", now() + 1);
    await watch("long", now() + 600);
    const leave = await watch("gone", now() + 600);
    leave();
    await eventually(() => {
      expect(ended).to.deep.equal(["short"]);
    });
    keyring.change(revoke(key));
    await eventually(() => {
      expect(ended).to.deep.equal(["short", "long"]);
    });
    watches.stop();
  });
});
