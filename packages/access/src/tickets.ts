import { ProblemError, type Scope } from "@confab/contracts";
import type { Cluster, Redis } from "ioredis";
import { hash } from "node:crypto";
import { beginOfKeys, randomText } from "./key-format.ts";
import type { Keyring } from "./keyring.ts";
import type { Principal } from "./principal.ts";

export interface TicketsOptions {
  readonly redis: Redis | Cluster;
  readonly prefix: string;
  readonly keyring: Pick<Keyring, "signer" | "markUsed">;
  readonly lifetimeMs?: number;
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
  readonly user: { readonly id: string; readonly chats: readonly (readonly [string, readonly Scope[]])[] } | null;
}

const beginOfTickets = `${beginOfKeys}ticket_`;
const inQuery = /[?&]ticket=([^&]*)/;
const form = /^confab_ticket_[0-9A-Za-z]{43}$/;

/**
 * Tickets stand for the `Authorization` header where a browser's `EventSource` cannot send one. Each opens one stream, once, within
 * 30 seconds, so one in a log is of no use.
 */
export function createTickets({ redis, prefix, keyring, lifetimeMs = 30_000 }: TicketsOptions) {
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

  return {
    /** Makes a ticket for the streams of an application that the principal may open. Throws 503. */
    async create(principal: Principal | undefined, token: string): Promise<NewTicket> {
      const { name = "token", keyId = null, expiresAt = Infinity, user } = principal ?? {};
      const stored: StoredTicket = {
        ...{ name, token, keyId },
        expiresAt: expiresAt === Infinity ? null : expiresAt,
        user: user ? { id: user.id, chats: [...user.chats].map(([chat, scopes]) => [chat, [...scopes]]) } : null,
      };
      const ticket = beginOfTickets + randomText();
      await ask(redis.set(nameOf(ticket), JSON.stringify(stored), "PX", lifetimeMs));
      return { ticket, expiresAt: new Date(Date.now() + lifetimeMs) };
    },

    /** The principal of a ticket, which is then spent; undefined if it is unknown or spent, or if its key is not valid any more. */
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
        ...{ name, token, scopes: new Set<Scope>(["read"]), keyId: keyId ?? undefined },
        expiresAt: expiresAt ?? Infinity,
        ...(user && {
          user: { id: user.id, chats: new Map(user.chats.map(([chat, scopes]) => [chat, new Set(scopes)])) },
        }),
        isTicket: true,
      };
    },
  };
}

/** The ticket in a request's query; undefined if it has none. */
export function ticketIn(url: string | undefined): string | undefined {
  return url?.includes("ticket=") === true ? inQuery.exec(url)?.[1] : undefined;
}
