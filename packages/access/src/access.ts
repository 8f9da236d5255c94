import { ProblemError, type Route } from "@confab/contracts";
import { repeat, type Logger } from "@confab/runtime";
import type { Cluster, Redis } from "ioredis";
import type { IncomingMessage } from "node:http";
import { createKeyChanges } from "./key-changes.ts";
import { beginOfKeys, hashKey, isSameHash } from "./key-format.ts";
import { KeysUnavailable, type Credential } from "./key-lookups.ts";
import { createKeyring } from "./keyring.ts";
import { configuredAdmin, type Principal } from "./principal.ts";
import { createWatches } from "./access-watches.ts";

export interface AccessOptions {
  /** Whether every route of an application requires a key. */
  readonly required: boolean;
  /** The configured admin key, which opens everything. */
  readonly adminKey: string | undefined;
  readonly keys: {
    credentials(keyIds: readonly string[]): Promise<readonly Credential[]>;
    markUsed(uses: ReadonlyMap<string, Date>): Promise<void>;
  };
  readonly redis: Redis | Cluster;
  /** Prefix of the channel on which processes announce changed keys to each other. */
  readonly prefix: string;
  readonly logger: Logger;
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
   * The principal that a request's `Authorization` names; undefined if it names none that Confab knows. Throws or rejects with 401
   * for a key that is not valid, and with 503 if a key cannot be checked.
   */
  identify(req: IncomingMessage): Principal | undefined | Promise<Principal | undefined>;
  /** Throws 401 if the route requires a principal and there is none, and 403 if the principal may not use the route. */
  admit(route: Route, principal: Principal | undefined): void;
  /** Calls `onEnd` when the principal of a request that lasts may no longer do anything. */
  watch(principal: Principal | undefined, onEnd: () => void): () => void;
  /** A key was revoked or got another expiry: all processes that Redis reaches stop using what they knew of it. */
  changed(keyId: string): Promise<void>;
  stop(): Promise<void>;
}

const defaultFreshMs = 10_000;
const defaultStaleMs = 600_000;
const defaultWriteUsesMs = 60_000;

/** The access control of a process. It begins with no known key, and needs no store until a request has one. */
export function createAccess(options: AccessOptions): Access {
  const { required, adminKey, keys, redis, prefix, logger } = options;
  const { freshMs = defaultFreshMs, staleMs = defaultStaleMs, writeUsesMs = defaultWriteUsesMs } = options;
  const adminHash = adminKey === undefined ? undefined : hashKey(adminKey);
  const keyring = createKeyring({ load: (keyIds) => keys.credentials(keyIds), freshMs, staleMs });
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
  const writing = repeat(writeUsesMs, "writing when keys were last used", writeUses, logger);

  async function awaitKey(finding: Promise<Principal | undefined>): Promise<Principal> {
    const principal = await finding.catch((error: unknown) => {
      throw error instanceof KeysUnavailable ? unavailable(error) : error;
    });
    return principal ?? refuse();
  }

  return {
    identify(req) {
      const { authorization } = req.headers;
      if (authorization === undefined) return undefined;
      const text = /^bearer +(\S+)$/i.exec(authorization)?.[1];
      if (text === undefined) return undefined;
      if (text.startsWith(beginOfKeys)) {
        const found = keyring.find(text);
        return found instanceof Promise ? awaitKey(found) : (found ?? refuse());
      }
      return adminHash !== undefined && isSameHash(hashKey(text), adminHash) ? configuredAdmin : undefined;
    },

    admit({ scopes, guard }, principal) {
      if (principal === undefined) {
        if (required || (guard !== undefined && adminHash !== undefined)) throw unauthorized();
        return;
      }
      if (guard === "installation" && principal.token !== undefined) {
        throw new ProblemError("forbidden", {
          detail: "This needs an admin key, and the key that was sent belongs to an application.",
        });
      }
      if (!scopes.some((scope) => principal.scopes.has(scope))) {
        throw new ProblemError("forbidden", {
          detail: `This needs a key with the scope ${scopes.join(" or ")}. The key that was sent has ${[...principal.scopes].join(", ")}.`,
        });
      }
    },

    watch: (principal, onEnd) =>
      principal === undefined || principal === configuredAdmin ? () => undefined : watches.watch(principal, onEnd),

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

/** One answer for a key that is unknown, wrong, revoked or expired: it says nothing about which keys exist. */
export function invalidKey(): ProblemError {
  return unauthorized({ "WWW-Authenticate": 'Bearer realm="confab", error="invalid_token"' });
}

function refuse(): never {
  throw invalidKey();
}

function unauthorized(headers: Record<string, string> = { "WWW-Authenticate": 'Bearer realm="confab"' }): ProblemError {
  return new ProblemError("unauthorized", { headers });
}

function unavailable(cause: KeysUnavailable): ProblemError {
  return new ProblemError("storage-unavailable", {
    detail:
      "The key cannot be checked because the database is unavailable. Nothing was done. Send the request again after Retry-After.",
    cause,
  });
}
