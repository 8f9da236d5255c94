import { hash } from "node:crypto";

/** 72 bits each: of a million keys that an application has in a day, two meet by chance once in 10^9 days. */
const keyCharacters = 12;
const requestCharacters = 12;

/** What is kept of an idempotency key, in base64url. A key belongs to its chat, so that it lies in the chat's partition. */
export function keyDigest(chat: number, key: string): string {
  return hash("sha256", `${chat}\n${key}`, "base64url").slice(0, keyCharacters);
}

/** What is kept of the request, to recognize another one with the same key: the beginning of its SHA-256 in base64url. */
export function requestDigest(sha256: string): string {
  return sha256.slice(0, requestCharacters);
}
