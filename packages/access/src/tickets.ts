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
  /** The memory in Redis that the tickets of an application may take in a lifetime. */
  readonly maxBytes?: number;
  /** The part of it that the tickets of one user may take. */
  readonly userShare?: number;
}

/** A ticket that is about to be sent to its owner. */
export interface NewTicket {
  readonly ticket: string;
  readonly expiresAt: Date;
}

/** The content of a ticket in Redis, under its hash. */
interface StoredTicket {
  readonly name: string;
  readonly token: string;
  readonly keyId: string | null;
  /** Null if never. */
  readonly expiresAt: number | null;
  /** The chats that the user may read, joined by commas; `*` stands for all others but those in `closed`. */
  readonly user: { readonly id: string; readonly open: string; readonly closed: string } | null;
}

const read: ReadonlySet<Scope> = new Set(["read"]);
const none: ReadonlySet<Scope> = new Set();
const beginOfTickets = `${beginOfKeys}ticket_`;
const inQuery = /[?&]ticket=([^&]*)/;
const form = /^confab_ticket_[0-9A-Za-z]{43}$/;
const defaultMaxBytes = 4 * 1024 * 1024;
/** The memory of a ticket beside its content: its name, its expiry, and what Redis adds. */
const ticketBytes = 250;

/**
 * Tickets stand for the `Authorization` header where a browser's `EventSource` cannot send one. Each opens one stream, once, within
 * 30 seconds, so one in a log is of no use.
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

  /** Counts the memory of a ticket. Throws 429 if its owner has used up theirs. */
  async function count(owner: string, bytes: number, maxOfOwner: number, whose: string): Promise<void> {
    const counter = `${prefix}:tickets:${owner}`;
    const total = await ask(redis.incrby(counter, bytes));
    // With each ticket, since a counter without an expiry would count for ever.
    if ((await ask(redis.pexpire(counter, lifetimeMs, "NX"))) === 1 || total <= maxOfOwner) return;
    throw new ProblemError("rate-limited", {
      detail: `${whose} has created as many tickets as it may in ${lifetimeMs / 1_000} seconds. Create one just before its stream is opened. Send the request again after Retry-After.`,
      retryAfterSeconds: Math.ceil(lifetimeMs / 1_000),
    });
  }

  return {
    /** Makes a ticket for the streams of an application that the principal may open. Throws 429 or 503. */
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
     * Returns the principal of a ticket, which is then spent, or undefined if it is unknown or spent, or if its key is
     * not valid any more.
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

/** Returns the chats that a user may read, which are all that a ticket needs. */
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
