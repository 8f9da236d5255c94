import { hash } from "node:crypto";

/**
 * Length of a key's digest in base64url, which is 72 bits. If an application uses a million keys per day, two of them
 * collide once in 10^9 days.
 */
const keyCharacters = 12;
const requestCharacters = 12;
/**
 * Matches a UUID of version 7, optionally with the position of an item in a batch request. The UUID's first 48 bits are
 * a time in ms.
 */
const timed = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?: \d+)?$/i;
/**
 * Maximum time in ms by which a key's time may be ahead, because a client's clock may be wrong. A row for a key from
 * the distant future would never be deleted.
 */
const maxAheadMs = 3_600_000;

/** An idempotency key as the client sent it, and a SHA-256 of the request in base64url. */
export interface Idempotency {
  readonly key: string;
  readonly hash: string;
  /** The user who sent the key, if the request had a user token. */
  readonly user?: string | undefined;
}

/** An idempotency key as stored in Redis. */
export interface KeyDigest {
  readonly digest: string;
  /** The beginning of the request's hash, which shows whether a different request used the same key. */
  readonly request: string;
  /** The time that the key contains, in ms, or 0 if it contains none. */
  readonly time: number;
}

/** An idempotency key as stored in MySQL: its time and digest, and the request's hash. */
export interface StoredKey {
  /** 15 bytes that begin with the time, so that the table grows at its end. */
  readonly id: Buffer;
  /** 9 bytes. */
  readonly request: Buffer;
}

/**
 * Returns the digest of a key, with its request and time. The digest covers the chat, because keys are kept in the
 * chat's partition, and the user who sent the key.
 */
export function digestKey(token: string, chat: number, { key, hash: request, user }: Idempotency): KeyDigest {
  const [, high, low] = timed.exec(key) ?? [];
  return {
    digest: hash("sha256", `${token}:${chat}\n${key}\n${user ?? ""}`, "base64url").slice(0, keyCharacters),
    request: request.slice(0, requestCharacters),
    time: high === undefined ? 0 : parseInt(high + low!, 16),
  };
}

/** Returns the digest by which the limits in Redis identify a user, or `-` for an item without a user. */
export function digestUser({ token, user }: { token: string; user?: string | undefined }): string {
  return user === undefined ? "-" : hash("sha256", `${token}\n${user}`, "base64url").slice(0, keyCharacters);
}

/**
 * Returns the text of a key for a pending record. It contains what renumbering needs and, for a key with a time, also
 * what MySQL stores.
 */
export function keyInRecord({ digest, request, time }: KeyDigest): string {
  return time === 0 ? digest : `${time}.${digest}.${request}`;
}

/** Returns the key that MySQL stores for a message accepted at this time, or undefined if only Redis keeps the key. */
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
