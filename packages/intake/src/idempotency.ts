import { hash } from "node:crypto";

/** 72 bits each: if an application uses a million keys per day, two of them collide once in 10^9 days. */
const keyCharacters = 12;
const requestCharacters = 12;

/** The digest of an idempotency key, in base64url. A key belongs to a chat, so that it is in the chat's partition. */
export function keyDigest(chat: number, key: string): string {
  return hash("sha256", `${chat}\n${key}`, "base64url").slice(0, keyCharacters);
}

/**
 * The digest of a request, to recognize a different request with the same key: the beginning of its SHA-256 in
 * base64url.
 */
export function requestDigest(sha256: string): string {
  return sha256.slice(0, requestCharacters);
}
