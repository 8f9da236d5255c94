import { ProblemError, type Scope } from "@confab/contracts";
import type { RedisConnection } from "@confab/redis";
import { hash } from "node:crypto";
import { beginOfKeys, randomText } from "./key-format.ts";
import type { Keyring } from "./keyring.ts";
import type { Principal, User } from "./principal.ts";

export interface TicketsOptions {
  readonly redis: RedisConnection;
  readonly prefix: string;
  readonly keyring: Pick<Keyring, "signer" | "markUsed">;
  readonly lifetimeMs?: number;
  /** Maximum bytes in Redis for the tickets that an application creates within one ticket lifetime. */
  readonly maxBytes?: number;
  /** Fraction of `maxBytes` that the tickets of one user may take. */
  readonly userShare?: number;
}

/** A new ticket, as its owner receives it. */
export interface NewTicket {
  readonly ticket: string;
  readonly expiresAt: Date;
}

/** Content of a ticket in Redis, stored under the ticket's hash. */
interface StoredTicket {
  readonly name: string;
  readonly token: string;
  readonly keyId: string | null;
  /** When the ticket's principal expires, in milliseconds since 1970; null if it never does. */
  readonly expiresAt: number | null;
  /**
   * The ticket's user, or null if the ticket was created without a user token. `open` lists the readable chats, joined
   * by commas; `*` in it stands for all chats except those in `closed`.
   */
  readonly user: { readonly id: string; readonly open: string; readonly closed: string } | null;
}

const read: ReadonlySet<Scope> = new Set(["read"]);
const none: ReadonlySet<Scope> = new Set();
const beginOfTickets = `${beginOfKeys}ticket_`;
const inQuery = /[?&]ticket=([^&]*)/;
const form = /^confab_ticket_[0-9A-Za-z]{43}$/;
const defaultMaxBytes = 4 * 1024 * 1024;
/** Estimated bytes that a ticket takes besides its content: its name, its expiry and the overhead of Redis. */
const ticketBytes = 250;

/**
 * Creates and redeems tickets, which replace the `Authorization` header where a browser's `EventSource` cannot send
 * one. A ticket opens one stream, once, within 30 seconds, so a ticket found in a log is useless.
 */
export function createTickets({
  redis,
  prefix,
  keyring,
  lifetimeMs = 30_000,
  maxBytes = defaultMaxBytes,
  userShare = 1,
}: TicketsOptions) {
  const nameOf = (ticket: string): string => `${prefix}:ticket:${hash("sha256", ticket, "hex")}`;

  async function ask<T>(question: Promise<T>): Promise<T> {
    try {
      return await question;
    } catch (cause) {
      throw new ProblemError("service-unavailable", {
        detail: "Redis, which keeps tickets, is unavailable. Send the request again after Retry-After.",
        cause,
      });
    }
  }

  /** Adds the memory of a ticket to the owner's count. Throws 429 if the owner has exceeded `maxOfOwner`. */
  async function count(owner: string, bytes: number, maxOfOwner: number, whose: string): Promise<void> {
    const counter = `${prefix}:tickets:${owner}`;
    const total = await ask(redis.incrby(counter, bytes));
    // Every call sets a missing expiry, since a counter without one would never be reset.
    if ((await ask(redis.pexpire(counter, lifetimeMs, "NX"))) === 1 || total <= maxOfOwner) return;
    throw new ProblemError("rate-limited", {
      detail: `${whose} has created as many tickets as it may in ${lifetimeMs / 1_000} seconds. Create one just before its stream is opened. Send the request again after Retry-After.`,
      retryAfterSeconds: Math.ceil(lifetimeMs / 1_000),
    });
  }

  return {
    /** Creates a ticket with which the principal may open one stream of the application. Rejects with 429 or 503. */
    async create(principal: Principal | undefined, token: string): Promise<NewTicket> {
      const { name = "token", keyId = null, expiresAt = Infinity, user } = principal ?? {};
      const stored: StoredTicket = {
        name,
        token,
        keyId,
        expiresAt: expiresAt === Infinity ? null : expiresAt,
        user: user ? { id: user.id, ...readableOf(user) } : null,
      };
      const text = JSON.stringify(stored);
      const bytes = ticketBytes + Buffer.byteLength(text);
      if (user) await count(`${token}:${user.id}`, bytes, maxBytes * userShare, "The user (USER_SHARE)");
      await count(token, bytes, maxBytes, "The application");
      const ticket = beginOfTickets + randomText();
      await ask(redis.set(nameOf(ticket), text, "PX", lifetimeMs));
      return { ticket, expiresAt: new Date(Date.now() + lifetimeMs) };
    },

    /**
     * Redeems a ticket and returns its principal, or undefined if the ticket is unknown, used or expired, or if its key
     * is no longer valid. Rejects if Redis or the database is unavailable.
     */
    async redeem(ticket: string): Promise<Principal | undefined> {
      if (!form.test(ticket)) return undefined;
      const text = await ask(redis.getdel(nameOf(ticket)));
      if (text === null) return undefined;
      const { name, token, keyId, expiresAt, user } = JSON.parse(text) as StoredTicket;
      if (expiresAt !== null && expiresAt <= Date.now()) return undefined;
      if (keyId !== null) {
        if (!(await keyring.signer(keyId))) return undefined;
        keyring.markUsed(keyId);
      }
      return {
        name,
        token,
        scopes: read,
        keyId: keyId ?? undefined,
        expiresAt: expiresAt ?? Infinity,
        ...(user && {
          user: { id: user.id, chats: new Map([...scopesIn(user.open, read), ...scopesIn(user.closed, none)]) },
        }),
        isTicket: true,
      };
    },
  };
}

/** Returns the chats that a user may read, and their exceptions. A ticket needs no other scope. */
function readableOf({ chats }: User): { open: string; closed: string } {
  const mayRead = (chat: string): boolean => chats.get(chat)?.has("read") === true;
  const [open, closed] = [[...chats.keys()].filter(mayRead), [...chats.keys()].filter((chat) => !mayRead(chat))];
  return { open: open.join(","), closed: mayRead("*") ? closed.join(",") : "" };
}

function scopesIn(chats: string, scopes: ReadonlySet<Scope>): [string, ReadonlySet<Scope>][] {
  return chats === "" ? [] : chats.split(",").map((chat) => [chat, scopes]);
}

/** Returns the ticket in a request's query, or undefined if it has none. */
export function ticketIn(url: string | undefined): string | undefined {
  return url?.includes("ticket=") === true ? inQuery.exec(url)?.[1] : undefined;
}
