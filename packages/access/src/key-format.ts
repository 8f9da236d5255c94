import type { PublicKey } from "@confab/contracts";
import { createPublicKey, hash, randomBytes, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";

/**
 * A key belongs to an application or is an admin key. Its prefix shows which, to people and to scanners for leaked
 * secrets.
 */
export type KeyKind = "application" | "admin";

/** Prefix of Confab's keys and tickets. No other credential begins with it. */
export const beginOfKeys = "confab_";

const prefixes = { application: beginOfKeys, admin: "confab_admin_" } as const satisfies Record<KeyKind, string>;
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const base = BigInt(digits.length);
/** Number of base 62 digits for 32 bytes, and for a CRC32. */
const [secretLength, checksumLength] = [43, 6];
const form = /^(confab_(?:admin_)?)([0-9A-Za-z]{8})_[0-9A-Za-z]{49}$/;

/** A new key. Confab shows it to its owner and keeps only its hash. */
export interface NewKey {
  readonly key: string;
  readonly keyId: string;
  /** SHA-256 of the key, 32 bytes. */
  readonly hash: Uint8Array;
}

/**
 * Makes a key: a prefix, a public id, `_`, 32 random bytes, and a CRC32 of everything before it. The last two are in
 * base 62. The checksum lets scanners and Confab recognize a key without a look-up.
 */
export function createKey(kind: KeyKind): NewKey {
  const keyId = createKeyId();
  const begin = `${prefixes[kind]}${keyId}_${randomText()}`;
  const key = begin + checksumOf(begin);
  return { key, keyId, hash: hashKey(key) };
}

/** Assigns an id to a public key. Throws if the key is not a point on its curve. */
export function adoptPublicKey(publicKey: PublicKey): { keyId: string; hash: null; publicKey: PublicKey } {
  createPublicKey({ key: publicKey, format: "jwk" });
  return { keyId: createKeyId(), hash: null, publicKey };
}

function createKeyId(): string {
  return inDigits(randomBytes(16), 8).slice(-8);
}

/** Returns 32 random bytes in base 62. */
export function randomText(): string {
  return inDigits(randomBytes(32), secretLength);
}

/** Returns the kind and the public id of a text in the form of a key, or undefined if the text has another form. */
export function readKey(text: string): { kind: KeyKind; keyId: string } | undefined {
  const match = form.exec(text);
  if (!match) return undefined;
  return { kind: match[1] === prefixes.admin ? "admin" : "application", keyId: match[2]! };
}

/** Returns whether a text in the form of a key has the right checksum. If so, it is a key or a deliberate forgery. */
export function hasChecksum(text: string): boolean {
  return text.endsWith(checksumOf(text.slice(0, -checksumLength)));
}

/** Returns the SHA-256 of a key. A key is random, so a slow hash would protect nothing. */
export function hashKey(key: string): Buffer {
  return hash("sha256", key, "buffer");
}

/** Compares two hashes in constant time. */
export function isSameHash(first: Uint8Array, second: Uint8Array): boolean {
  return first.length === second.length && timingSafeEqual(first, second);
}

function checksumOf(text: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return inDigits(bytes, checksumLength);
}

function inDigits(bytes: Buffer, length: number): string {
  let rest = BigInt(`0x${bytes.toString("hex")}`);
  let text = "";
  while (text.length < length || rest > 0n) {
    text = digits[Number(rest % base)]! + text;
    rest /= base;
  }
  return text;
}
