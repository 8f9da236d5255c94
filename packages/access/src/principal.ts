import { ProblemError, scopeNames, type Scope } from "@confab/contracts";

/** Who sends a request, and what they may do. */
export interface Principal {
  /** For the audit log: `key 8Qn3fVbZ`, or `admin key`. */
  readonly name: string;
  /** The only application that it may use; undefined if it may use all. */
  readonly token: string | undefined;
  /** Those of a user are the scopes that the user has in some chat. */
  readonly scopes: ReadonlySet<Scope>;
  /** The public id of its key; undefined for the configured admin key, which ends only with the process. */
  readonly keyId: string | undefined;
  /** Milliseconds since 1970; Infinity if never. */
  readonly expiresAt: number;
  /** The owner of a user token; undefined for a key. */
  readonly user?: User;
  /** Whether a ticket was sent, which opens streams only. */
  readonly isTicket?: boolean;
}

/** A user of an application, who has scopes in chats. */
export interface User {
  /** The sender of the user's messages. */
  readonly id: string;
  /** By a chat's number in decimal; `*` stands for all chats that have no entry. */
  readonly chats: ReadonlyMap<string, ReadonlySet<Scope>>;
}

/** The owner of the configured admin key, who may do everything. */
export const configuredAdmin: Principal = {
  name: "admin key",
  token: undefined,
  scopes: new Set(scopeNames),
  keyId: undefined,
  expiresAt: Infinity,
};

const none: ReadonlySet<Scope> = new Set();

/**
 * Returns whether a request may use an application. One without a principal has only the token, which is enough if it
 * got this far.
 */
export function mayUse(principal: Principal | undefined, token: string): boolean {
  return principal?.token === undefined || principal.token === token;
}

/** Returns whether a request has one of the scopes in a chat of an application that it may use. */
export function mayUseChat(principal: Principal | undefined, scopes: readonly Scope[], chat: number): boolean {
  if (principal?.user === undefined) return true;
  const { chats } = principal.user;
  const inChat = chats.get(String(chat)) ?? chats.get("*") ?? none;
  return scopes.some((scope) => inChat.has(scope));
}

/**
 * Returns the chats in which a user token has one of the scopes: only some, or all except some. Undefined if every chat
 * is open.
 */
export function openChats(
  principal: Principal | undefined,
  scopes: readonly Scope[],
): { only: readonly number[] } | { except: readonly number[] } | undefined {
  if (principal?.user === undefined) return undefined;
  const named = [...principal.user.chats.keys()].filter((chat) => chat !== "*").map(Number);
  const isOpen = (chat: number): boolean => mayUseChat(principal, scopes, chat);
  const others = principal.user.chats.get("*") ?? none;
  const areOthersOpen = scopes.some((scope) => others.has(scope));
  return areOthersOpen ? { except: named.filter((chat) => !isOpen(chat)) } : { only: named.filter(isOpen) };
}

/** Throws 403 if a user token does not have one of the scopes in each of the chats; without chats, in all of the application. */
export function expectChats(
  principal: Principal | undefined,
  scopes: readonly Scope[],
  chats: readonly number[] | undefined,
): void {
  if (principal?.user === undefined) return;
  if (chats === undefined) {
    const everywhere = [...principal.user.chats.values()].every((inChat) => scopes.some((scope) => inChat.has(scope)));
    if (everywhere && principal.user.chats.has("*")) return;
    throw new ProblemError("forbidden", {
      detail: `The user token has the scope ${scopes.join(" or ")} in some chats only. Name the chats.`,
    });
  }
  const refused = chats.filter((chat) => !mayUseChat(principal, scopes, chat));
  if (refused.length === 0) return;
  // It says nothing about whether the chat exists.
  throw new ProblemError("forbidden", {
    detail: `The user token does not have the scope ${scopes.join(" or ")} in ${refused.length === 1 ? "chat" : "chats"} ${refused.join(", ")}.`,
    members: { chats: refused },
  });
}

/** Throws 403 if a user token was sent and its user is another one than `id`. `what` says who that is, as in "the sender". */
export function expectUser(principal: Principal | undefined, id: string | null | undefined, what: string): void {
  if (principal?.user === undefined || principal.user.id === id) return;
  throw new ProblemError("forbidden", { detail: `With a user token, ${what} must be its user (the claim sub).` });
}
