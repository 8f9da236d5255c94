import { hash } from "node:crypto";

/** 72 bits each: if an application uses a million keys per day, two of them collide once in 10^9 days. */
const keyCharacters = 12;
const requestCharacters = 12;
/** A UUID of version 7, also with the position of an item in a batch request. Its first 48 bits are milliseconds. */
const timed = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?: \d+)?$/i;
/** A clock may be wrong, but a row for a key from the far future would never be deleted. */
const maxAheadMs = 3_600_000;

/** An idempotency key as the client sent it, and a SHA-256 of the request in base64url. */
export interface Idempotency {
  readonly key: string;
  readonly hash: string;
  /** The user whose key it is, if a user token was sent. */
  readonly user?: string | undefined;
}

/** An idempotency key as Redis knows it. */
export interface KeyDigest {
  readonly digest: string;
  /** The beginning of the request's hash, to recognize a different request with the same key. */
  readonly request: string;
  /** The time that the key carries, in milliseconds; 0 if it carries none. */
  readonly time: number;
}

/** An idempotency key as MySQL knows it: its time and digest, and the request's hash. */
export interface StoredKey {
  /** 15 bytes that begin with the time, so that the table grows at its end. */
  readonly id: Buffer;
  /** 9 bytes. */
  readonly request: Buffer;
}

/** A key belongs to its chat, so that it is in the chat's partition, and to the user who sent it. */
export function digestKey(token: string, chat: number, { key, hash: request, user }: Idempotency): KeyDigest {
  const [, high, low] = timed.exec(key) ?? [];
  return {
    digest: hash("sha256", `${token}:${chat}\n${key}\n${user ?? ""}`, "base64url").slice(0, keyCharacters),
    request: request.slice(0, requestCharacters),
    time: high === undefined ? 0 : parseInt(high + low!, 16),
  };
}

/** Returns a user as the limits in Redis know it: `-` for an item without one. */
export function digestUser({ token, user }: { token: string; user?: string | undefined }): string {
  return user === undefined ? "-" : hash("sha256", `${token}\n${user}`, "base64url").slice(0, keyCharacters);
}

/** Returns the key in a pending record: what renumbering needs, and of a key with a time also what MySQL stores. */
export function keyInRecord({ digest, request, time }: KeyDigest): string {
  return time === 0 ? digest : `${time}.${digest}.${request}`;
}

/** Returns the key to store of a message that was accepted at this time, or undefined if only Redis keeps it. */
export function storedKeyIn(text: string, acceptedMs: number): StoredKey | undefined {
  const [time, digest, request] = text.split(".");
  if (request === undefined || Number(time) > acceptedMs + maxAheadMs) return undefined;
  return storedKey({ time: Number(time), digest: digest!, request });
}

export function storedKey({ digest, request, time }: KeyDigest): StoredKey {
  const id = Buffer.alloc(15);
  id.writeUIntBE(time, 0, 6);
  id.write(digest, 6, "base64url");
  return { id, request: Buffer.from(request, "base64url") };
}
