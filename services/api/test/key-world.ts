import { createKey } from "@confab/access";
import { scopeNames, type Scope } from "@confab/contracts";
import { createKeys, type Database } from "@confab/database";
import { SignJWT } from "jose";
import { createHash } from "node:crypto";

/** Creates keys directly in the database, including keys that the api would not create. */
export function keyMaker({ database }: { database: Database }) {
  const keys = createKeys(database);
  const by = { name: "test" };

  async function make(
    token: string | null,
    { scopes = scopeNames, expiresAt = null }: { scopes?: readonly Scope[]; expiresAt?: Date | null } = {},
  ) {
    const { key, keyId, hash } = createKey(token === null ? "admin" : "application");
    await keys.create(token, { keyId, hash, name: "test", scopes, expiresAt }, by);
    return { key, keyId, headers: { authorization: `Bearer ${key}` } };
  }
  return {
    make,
    /** Signs a user token with a key of an application. */
    async signUser(key: string, claims: { sub: string; chats: object; exp?: number }) {
      const now = Math.floor(Date.now() / 1_000);
      const text = await new SignJWT({ iat: now, exp: now + 600, ...claims })
        .setProtectedHeader({ alg: "HS256", kid: key.split("_")[1]! })
        .sign(createHash("sha256").update(key).digest());
      return { authorization: `Bearer ${text}` };
    },
    revoke: (token: string | null, keyId: string) => keys.revoke(token, keyId, by),
    /** Returns keys that are not valid, by the reason. All of them have the form and the checksum of a valid key. */
    async invalid(token: string | null) {
      const [expired, revoked, wrong] = [
        await make(token, { expiresAt: new Date(Date.now() - 1_000) }),
        await make(token),
        await make(token),
      ];
      await keys.revoke(token, revoked.keyId, by);
      await database.prisma.apiKey.update({ where: { publicId: wrong.keyId }, data: { hash: Buffer.alloc(32, 7) } });
      const unknown = createKey(token === null ? "admin" : "application").key;
      return {
        expired: expired.key,
        revoked: revoked.key,
        "of the right id with another secret": wrong.key,
        unknown,
        "without a right checksum": unknown.slice(0, -1) + (unknown.endsWith("0") ? "1" : "0"),
      };
    },
  };
}
