import { ProblemError, scopeNames, type Scope } from "@confab/contracts";

/** The sender of a request, and what it may do. */
export interface Principal {
  /** Name for the audit log, such as `key 8Qn3fVbZ` or `admin key`. */
  readonly name: string;
  /** Token of the only application that the principal may use; undefined if it may use all. */
  readonly token: string | undefined;
  /** Scopes of the principal; for a user, all scopes that the user has in at least one chat. */
  readonly scopes: ReadonlySet<Scope>;
  /**
   * Public id of the key; undefined for the configured admin key, which is valid as long as the process runs, and for
   * tickets that were made with it or without a key.
   */
  readonly keyId: string | undefined;
  /** Expiry in milliseconds since 1970; Infinity if it never expires. */
  readonly expiresAt: number;
  /** User of a user token, or of a ticket made with one; undefined for a key. */
  readonly user?: User;
  /** Whether the request sent a ticket. Tickets open streams only. */
  readonly isTicket?: boolean;
}

/** A user of an application, with scopes per chat. */
export interface User {
  /** The user's id, which is also the sender of the user's messages. */
  readonly id: string;
  /** Scopes by chat number in decimal; `*` stands for all chats without an entry. */
  readonly chats: ReadonlyMap<string, ReadonlySet<Scope>>;
}

/** Principal of the configured admin key. It may do everything. */
export const configuredAdmin: Principal = {
  name: "admin key",
  token: undefined,
  scopes: new Set(scopeNames),
  keyId: undefined,
  expiresAt: Infinity,
};

const none: ReadonlySet<Scope> = new Set();

/**
 * Returns whether a request may use an application. Without a principal the token is enough: routes that require a key
 * have already refused the request.
 */
export function mayUse(principal: Principal | undefined, token: string): boolean {
  return principal?.token === undefined || principal.token === token;
}

/**
 * Returns whether a request has one of the scopes in a chat. Always returns true for a request without a user token.
 * Does not check whether the request may use the chat's application.
 */
export function mayUseChat(principal: Principal | undefined, scopes: readonly Scope[], chat: number): boolean {
  if (principal?.user === undefined) return true;
  const { chats } = principal.user;
  const inChat = chats.get(String(chat)) ?? chats.get("*") ?? none;
  return scopes.some((scope) => inChat.has(scope));
}

/**
 * Returns the chats in which a user token has one of the scopes: only some, or all except some. Returns undefined for a
 * request without a user token, because every chat is then open.
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

/**
 * Throws 403 if a user token was sent and does not have one of the scopes in each of the chats or, if `chats` is
 * undefined, in every chat of the application.
 */
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
  // The error does not reveal whether the chats exist.
  throw new ProblemError("forbidden", {
    detail: `The user token does not have the scope ${scopes.join(" or ")} in ${refused.length === 1 ? "chat" : "chats"} ${refused.join(", ")}.`,
    members: { chats: refused },
  });
}

/**
 * Throws 403 if a user token was sent and its user is not `id`. `what` describes `id` in the message, as in "the
 * sender".
 */
export function expectUser(principal: Principal | undefined, id: string | null | undefined, what: string): void {
  if (principal?.user === undefined || principal.user.id === id) return;
  throw new ProblemError("forbidden", { detail: `With a user token, ${what} must be its user (the claim sub).` });
}
