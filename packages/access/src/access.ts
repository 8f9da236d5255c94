import { ProblemError, type Route } from "@confab/contracts";
import type { RedisConnection } from "@confab/redis";
import { createBuckets, repeat, type BucketsOptions } from "@confab/async";
import type { Logger } from "@confab/runtime";
import type { IncomingMessage } from "node:http";
import { createKeyChanges } from "./key-changes.ts";
import { beginOfKeys, hashKey, isSameHash } from "./key-format.ts";
import { KeysUnavailable, type Credential } from "./key-lookups.ts";
import { createKeyring } from "./keyring.ts";
import { configuredAdmin, type Principal } from "./principal.ts";
import { createWatches } from "./access-watches.ts";
import { createTickets, ticketIn, type NewTicket } from "./tickets.ts";
import { createUserTokens, InvalidUserToken } from "./user-tokens.ts";

export interface AccessOptions {
  /** Whether all routes of the API require a key. */
  readonly required: boolean;
  /** Configured admin key, which may do everything; undefined if none is configured. */
  readonly adminKey: string | undefined;
  /** Limits how often each client address may guess the configured admin key; unlimited by default. */
  readonly guesses?: BucketsOptions | undefined;
  /** Returns the address of the client that sent a request. */
  readonly addressOf?: (req: IncomingMessage) => string;
  readonly keys: {
    credentials(keyIds: readonly string[]): Promise<readonly Credential[]>;
    markUsed(uses: ReadonlyMap<string, Date>): Promise<void>;
    hasActive(): Promise<boolean>;
  };
  readonly redis: RedisConnection;
  /** Prefix of the Redis channel for changed keys, and of the Redis keys of tickets. */
  readonly prefix: string;
  readonly logger: Logger;
  /** Fraction of an application's memory for tickets that one user may take; 1 by default. */
  readonly userShare?: number;
  /** Maximum age in ms at which a known key is used without reading it again first. */
  readonly freshMs?: number;
  /** Maximum age in ms at which a known key still works while the database is unavailable. */
  readonly staleMs?: number;
  /** Interval in ms at which the last-used times of keys are written to the database. */
  readonly writeUsesMs?: number;
}

/** Finds the principal of each request and decides what that principal may do. */
export interface Access {
  /**
   * Returns the principal named by a request's `Authorization` header or by the ticket in its query, or undefined if
   * there is neither or the header contains no credential of Confab. Also returns undefined for the admin key after too
   * many wrong guesses. Throws or rejects with 401 for an invalid key, user token or ticket, and with 503 if one cannot
   * be checked.
   */
  identify(req: IncomingMessage): Principal | undefined | Promise<Principal | undefined>;
  /**
   * Throws 401 if the route requires a principal and there is none, or 429 if the client's address has sent too many
   * wrong admin keys. Throws 403 if the principal may not use the route.
   */
  admit(route: Route, principal: Principal | undefined, req: IncomingMessage): void;
  /**
   * Calls `onEnd` once the principal of a long-lived request may no longer do anything. Returns a function that ends
   * the watch.
   */
  watch(principal: Principal | undefined, onEnd: () => void): () => void;
  /**
   * Creates a ticket that opens one stream of an application with the principal's permissions. Rejects with 429 or 503.
   */
  createTicket(principal: Principal | undefined, token: string): Promise<NewTicket>;
  /**
   * Reports that a key was revoked or that its expiry changed. This process and all processes that Redis reaches then
   * forget the key and read it again.
   */
  changed(keyId: string): Promise<void>;
  stop(): Promise<void>;
}

const defaultFreshMs = 10_000;
const defaultStaleMs = 600_000;
const defaultWriteUsesMs = 60_000;

/** Creates the access control of a process. It starts without known keys, even if the stores are unavailable. */
export function createAccess(options: AccessOptions): Access {
  const { required, adminKey, addressOf = peerOf, keys, redis, prefix, logger } = options;
  const { freshMs = defaultFreshMs, staleMs = defaultStaleMs, writeUsesMs = defaultWriteUsesMs } = options;
  // Only wrong keys that are answered with 401 count as guesses. On routes that require no key, the answer does not
  // reveal whether a guess was right.
  const guesses = options.guesses && createBuckets(options.guesses);
  const waitOf = (req: IncomingMessage): number => guesses?.waitOf(addressOf(req)) ?? 0;
  const adminHash = adminKey === undefined ? undefined : hashKey(adminKey);
  const keyring = createKeyring({ load: (keyIds) => keys.credentials(keyIds), freshMs, staleMs });
  const userTokens = createUserTokens({ keyring });
  const tickets = createTickets({ redis, prefix, keyring, userShare: options.userShare ?? 1 });
  const watches = createWatches({ keyring, staleMs });
  const changes = createKeyChanges({
    redis,
    channel: `${prefix}:changed-keys`,
    onChange: (keyId) => {
      keyring.change(keyId);
    },
    onGap: () => {
      keyring.distrust();
    },
  });
  const writeUses = (): Promise<void> => keyring.writeUses((uses) => keys.markUsed(uses));
  if (!required) void warnOfUnusedKeys(keys, logger);
  const writing = repeat(writeUsesMs, "writing when keys were last used", writeUses, logger);

  async function awaitKey(finding: Promise<Principal | undefined>): Promise<Principal> {
    const principal = await finding.catch((error: unknown) => {
      throw toProblem(error);
    });
    return principal ?? refuse();
  }

  function findUser(text: string): Principal | undefined | Promise<Principal> {
    try {
      const found = userTokens.find(text);
      return found instanceof Promise ? awaitKey(found) : found;
    } catch (error) {
      throw toProblem(error);
    }
  }

  function refusalOf(req: IncomingMessage): ProblemError {
    if (guesses === undefined || adminHash === undefined || bearerIn(req) === undefined) return unauthorized();
    const waitMs = waitOf(req);
    if (waitMs > 0) return tooManyGuesses(waitMs);
    guesses.take(addressOf(req));
    return unauthorized();
  }

  return {
    identify(req) {
      const { authorization } = req.headers;
      if (authorization === undefined) {
        const ticket = ticketIn(req.url);
        return ticket === undefined ? undefined : awaitKey(tickets.redeem(ticket));
      }
      const text = bearerIn(req);
      if (text === undefined) return undefined;
      if (text.startsWith(beginOfKeys)) {
        const found = keyring.find(text);
        return found instanceof Promise ? awaitKey(found) : (found ?? refuse());
      }
      if (adminHash !== undefined && isSameHash(hashKey(text), adminHash)) {
        // After too many guesses even the right key is not recognized, so an attacker cannot notice a right guess.
        return waitOf(req) === 0 ? configuredAdmin : undefined;
      }
      return findUser(text);
    },

    admit({ scopes, guard, openToUsers, success }, principal, req) {
      if (principal === undefined) {
        if (required || (guard !== undefined && adminHash !== undefined)) throw refusalOf(req);
        return;
      }
      if (principal.isTicket === true && success.stream !== true) {
        throw new ProblemError("forbidden", { detail: "A ticket opens streams only. Send a key or a user token." });
      }
      if (principal.user !== undefined && openToUsers !== true) {
        throw new ProblemError("forbidden", { detail: "User tokens cannot be used for this. Send a key." });
      }
      if (guard === "installation" && principal.token !== undefined) {
        throw new ProblemError("forbidden", {
          detail: "This needs an admin key, and the key that was sent belongs to an application.",
        });
      }
      if (!scopes.some((scope) => principal.scopes.has(scope))) {
        throw new ProblemError("forbidden", {
          detail: `This needs a key with the scope ${scopes.join(" or ")}. The ${principal.user ? "user token" : "key"} that was sent has ${[...principal.scopes].join(", ") || "none"}.`,
        });
      }
    },

    watch: (principal, onEnd) => (principal?.keyId === undefined ? () => undefined : watches.watch(principal, onEnd)),

    createTicket: (principal, token) => tickets.create(principal, token),

    async changed(keyId) {
      keyring.change(keyId);
      await changes.publish(keyId).catch((error: unknown) => {
        logger.warn({ err: error, key_id: keyId }, "other processes learn late that a key has changed");
      });
    },

    async stop() {
      await writing.stop();
      watches.stop();
      changes.stop();
      await writeUses().catch(() => undefined);
    },
  };
}

/**
 * Logs a warning if there are active keys although keys are not required, for example after a restore without the
 * earlier settings. The process starts in any case, even without a database.
 */
async function warnOfUnusedKeys(keys: Pick<AccessOptions["keys"], "hasActive">, logger: Logger): Promise<void> {
  try {
    if (await keys.hasActive()) {
      logger.warn(
        "there are active keys, but REQUIRE_KEYS is off: anyone who knows the token of an application can use it without a key",
      );
    }
  } catch (error) {
    logger.debug({ err: error }, "checking whether there are active keys");
  }
}

const peerOf = ({ socket }: IncomingMessage): string => socket.remoteAddress ?? "";

function bearerIn({ headers: { authorization = "" } }: IncomingMessage): string | undefined {
  return /^bearer +(\S+)$/i.exec(authorization)?.[1];
}

function tooManyGuesses(waitMs: number): ProblemError {
  return new ProblemError("rate-limited", {
    detail:
      "This client address has sent too many wrong admin keys. Until Retry-After, the configured admin key is not accepted from it. Other keys are.",
    retryAfterSeconds: Math.ceil(waitMs / 1_000),
  });
}

function toProblem(error: unknown): unknown {
  if (error instanceof KeysUnavailable) return unavailable(error);
  return error instanceof InvalidUserToken ? invalidKey(error.message) : error;
}

/**
 * Returns the 401 problem for an invalid key, ticket or user token. It is the same for unknown, wrong, revoked and
 * expired keys, so that it does not reveal which keys exist.
 */
export function invalidKey(reason = ""): ProblemError {
  const headers = { "WWW-Authenticate": 'Bearer realm="confab", error="invalid_token"' };
  return unauthorized(headers, reason === "" ? undefined : `The user token is not valid: ${reason}.`);
}

function refuse(): never {
  throw invalidKey();
}

function unauthorized(
  headers: Record<string, string> = { "WWW-Authenticate": 'Bearer realm="confab"' },
  detail?: string,
): ProblemError {
  return new ProblemError("unauthorized", { headers, ...(detail !== undefined && { detail }) });
}

function unavailable(cause: KeysUnavailable): ProblemError {
  return new ProblemError("storage-unavailable", {
    detail:
      "The key cannot be checked because the database is unavailable. Nothing was done. Send the request again after Retry-After.",
    cause,
  });
}
