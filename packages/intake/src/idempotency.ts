import { hash } from "node:crypto";

/** 96 bits: two keys of one chat meet by chance once in 10^14 pairs of a thousand million keys. */
const keyCharacters = 16;
/** 72 bits, to tell another request with the same key. */
const requestCharacters = 12;

/** What is kept of an idempotency key, in base64url. A key belongs to its chat, so that it lies in the chat's partition. */
export function keyDigest(chat: number, key: string): string {
  return hash("sha256", `${chat}\n${key}`, "base64url").slice(0, keyCharacters);
}

/** What is kept of the request: the beginning of its SHA-256 in base64url. */
export function requestDigest(sha256: string): string {
  return sha256.slice(0, requestCharacters);
}
