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
  /** Whether every route of an application requires a key. */
  readonly required: boolean;
  /** The configured admin key, which opens everything. */
  readonly adminKey: string | undefined;
  /** How many wrong guesses of the configured admin key one client address may send. Without it there is no limit. */
  readonly guesses?: BucketsOptions | undefined;
  /** The address of the client who sends a request. */
  readonly addressOf?: (req: IncomingMessage) => string;
  readonly keys: {
    credentials(keyIds: readonly string[]): Promise<readonly Credential[]>;
    markUsed(uses: ReadonlyMap<string, Date>): Promise<void>;
    hasActive(): Promise<boolean>;
  };
  readonly redis: RedisConnection;
  /** Prefix of the channel on which processes announce changed keys to each other. */
  readonly prefix: string;
  readonly logger: Logger;
  /** The part of the memory for tickets that one user of an application may use up. */
  readonly userShare?: number;
  /** How long a known key is used before it is read again. */
  readonly freshMs?: number;
  /** How long a known key is used while the database is unavailable. */
  readonly staleMs?: number;
  /** How often the last uses of keys are written. */
  readonly writeUsesMs?: number;
}

/** Decides who sends a request, and whether that principal may. */
export interface Access {
  /**
   * The principal that a request's `Authorization`, or the ticket in its query, names; undefined if it names none that Confab knows.
   * Throws or rejects with 401 for a key, user token or ticket that is not valid, and with 503 if one cannot be checked.
   */
  identify(req: IncomingMessage): Principal | undefined | Promise<Principal | undefined>;
  /**
   * Throws 401 if the route requires a principal and there is none, 429 instead if the client has guessed too often, and 403 if the
   * principal may not use the route.
   */
  admit(route: Route, principal: Principal | undefined, req: IncomingMessage): void;
  /** Calls `onEnd` when the principal of a request that lasts may no longer do anything. */
  watch(principal: Principal | undefined, onEnd: () => void): () => void;
  /** Makes a ticket, which opens one stream of an application in place of the principal. Rejects with 503. */
  createTicket(principal: Principal | undefined, token: string): Promise<NewTicket>;
  /** A key was revoked or got another expiry: all processes that Redis reaches stop using what they knew of it. */
  changed(keyId: string): Promise<void>;
  stop(): Promise<void>;
}

const defaultFreshMs = 10_000;
const defaultStaleMs = 600_000;
const defaultWriteUsesMs = 60_000;

/** Creates the access control of a process. It begins with no known key, and needs no store until a request has one. */
export function createAccess(options: AccessOptions): Access {
  const { required, adminKey, addressOf = peerOf, keys, redis, prefix, logger } = options;
  const { freshMs = defaultFreshMs, staleMs = defaultStaleMs, writeUsesMs = defaultWriteUsesMs } = options;
  // Guesses are those wrong texts that get 401. Where no key is required, the admin key changes nothing that could be seen.
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
        // After too many guesses not even the right key is recognized, so nobody learns which one it is.
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
 * Logs a warning if there are active keys although requests need none, for example after a restore without the earlier
 * settings. The process starts in any case, even without a database.
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
 * Returns the same answer for a key that is unknown, wrong, revoked or expired, so it does not say which keys exist.
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
