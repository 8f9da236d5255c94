import type { Actor } from "@confab/database";
import type { RequestContext } from "@confab/http";

/**
 * Returns who acts, for the audit log. Without a principal it is whoever knows the token, or anyone if the route has
 * none.
 */
export function actorOf({ principal, requestId }: RequestContext, token?: string | null): Actor {
  return { name: principal?.name ?? (token == null ? "anyone" : "token"), requestId };
}
