import { chatsIn, userTokenClaimsSchema, userTokenHeaderSchema, longestUserToken, type Scope } from "@confab/contracts";
import { decodeProtectedHeader, errors, jwtVerify } from "jose";
import { hash } from "node:crypto";
import type { Keyring, ValidKey } from "./keyring.ts";
import type { Principal } from "./principal.ts";
import { createSharedCache } from "./shared-cache.ts";

export interface UserTokensOptions {
  readonly keyring: Pick<Keyring, "signer" | "markUsed">;
  /** Maximum memory in bytes for tokens that are known to be valid. */
  readonly maxBytes?: number;
}

/**
 * Thrown for an invalid token whose header contains a key id of Confab. The message says why, unless that would reveal
 * whether the key exists.
 */
export class InvalidUserToken extends Error {
  override readonly name = "InvalidUserToken";
}

interface Verified {
  readonly keyId: string;
  readonly principal: Principal;
}

const maxCharacters = 8_192;
const expired = "it has expired; sign a new one";
/**
 * Maximum difference between the clocks of Confab and of the signer, in seconds. A token nevertheless ends at its
 * `exp`.
 */
const leewaySeconds = 30;
/** Estimated memory in bytes of a known token without its chats, and of each of its chats. */
const tokenBytes = 2_048;
const chatBytes = 128;

/**
 * Verifies user tokens: JSON Web Tokens (RFC 7519) that a key of an application has signed. The key decides the
 * algorithm: EdDSA or ES256 for a public key; HS256 for a key with a secret, with the key's SHA-256 as the secret. A
 * token never allows more than its key.
 */
export function createUserTokens({ keyring, maxBytes = 32 * 1024 * 1024 }: UserTokensOptions) {
  // Keyed by the hash of the token, so that the process does not keep credentials.
  const known = createSharedCache<Verified>(maxBytes);

  async function verify(text: string, keyId: string, id: string): Promise<Principal> {
    const key = await keyring.signer(keyId);
    if (text.length > maxCharacters) throw new InvalidUserToken(`it has more than ${maxCharacters} characters`);
    if (key?.principal.token === undefined) throw new InvalidUserToken();
    const claims = await verifiedClaims(text, key);
    const verified = { keyId, principal: principalOf(claims, key) };
    known.keep(id, verified, key.principal.token, tokenBytes + chatBytes * verified.principal.user!.chats.size);
    return inTime(verified);
  }

  function inTime({ keyId, principal }: Verified): Principal {
    if (principal.expiresAt <= Date.now()) throw new InvalidUserToken(expired);
    keyring.markUsed(keyId);
    return principal;
  }

  function use(verified: Verified, key: ValidKey | undefined): Principal {
    if (!key) throw new InvalidUserToken();
    return inTime(verified);
  }

  return {
    /**
     * Returns the principal of a user token, or undefined for any other text. Throws or rejects with
     * `InvalidUserToken`, and rejects with `KeysUnavailable`.
     */
    find(text: string): Principal | undefined | Promise<Principal> {
      const id = hash("sha256", text, "base64");
      const verified = known.get(id);
      if (verified) {
        const key = keyring.signer(verified.keyId);
        return key instanceof Promise ? key.then((found) => use(verified, found)) : use(verified, key);
      }
      const keyId = keyIdOf(text);
      return keyId === undefined ? undefined : verify(text, keyId, id);
    },
  };
}

/** Returns the id of the key that a token names, or undefined if the text is not a user token for Confab. */
function keyIdOf(text: string): string | undefined {
  if (!/^[\w-]+\.[\w-]*\.[\w-]*$/.test(text)) return undefined;
  try {
    return userTokenHeaderSchema.safeParse(decodeProtectedHeader(text)).data?.kid;
  } catch {
    return undefined;
  }
}

async function verifiedClaims(text: string, { publicKey, hash: secret }: ValidKey): Promise<unknown> {
  const algorithms = publicKey === null ? ["HS256"] : publicKey.kty === "OKP" ? ["EdDSA", "Ed25519"] : ["ES256"];
  try {
    const options = { algorithms, clockTolerance: leewaySeconds, maxTokenAge: longestUserToken };
    return (await jwtVerify(text, publicKey ?? secret!, options)).payload;
  } catch (error) {
    // Only these errors occur after the signature was verified. A reason for any other error would reveal which keys
    // exist.
    const isSigned = error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed;
    throw new InvalidUserToken(isSigned ? reasonOf(error) : "", { cause: error });
  }
}

/** Describes what is wrong with a claim, as the end of a sentence. */
function reasonOf(error: errors.JWTExpired | errors.JWTClaimValidationFailed): string {
  const { claim, reason } = error;
  if (reason === "missing") return `its claim ${claim} is missing`;
  if (reason === "invalid") return `its claim ${claim} must be a time in seconds since 1970`;
  if (claim === "exp") return expired;
  const isOld = error instanceof errors.JWTExpired;
  return `its claim ${claim} is ${isOld ? `more than ${longestUserToken} seconds ago` : "in the future"}`;
}

function principalOf(payload: unknown, { principal: key }: ValidKey): Principal {
  const { data: claims, error } = userTokenClaimsSchema.safeParse(payload);
  if (error) {
    const [issue] = error.issues;
    const claim = issue!.path.map((part) => (/^[\w*]+$/.test(String(part)) ? String(part) : JSON.stringify(part)));
    throw new InvalidUserToken(`its claim ${claim.join(".")} ${issue!.message}`);
  }
  const allowed = (scopes: readonly Scope[]): Set<Scope> => new Set(scopes.filter((scope) => key.scopes.has(scope)));
  const chats = new Map(
    Object.entries(claims.chats).flatMap(([name, scopes]) => {
      const set = allowed(scopes);
      return chatsIn(name).map((chat) => [chat, set] as const);
    }),
  );
  return {
    name: `user of ${key.name}`,
    token: key.token,
    scopes: new Set([...chats.values()].flatMap((scopes) => [...scopes])),
    keyId: key.keyId,
    expiresAt: 1_000 * claims.exp,
    user: { id: claims.sub, chats },
  };
}
