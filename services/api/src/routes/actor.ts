import type { Actor } from "@confab/database";
import type { RequestContext } from "@confab/http";

/**
 * Returns the actor for the audit log. Without a principal, the actor's name is `token`, or `anyone` if the route has
 * no token.
 */
export function actorOf({ principal, requestId }: RequestContext, token?: string | null): Actor {
  return { name: principal?.name ?? (token == null ? "anyone" : "token"), requestId };
}
