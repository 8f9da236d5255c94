import { expectChats, mayUse, type Access, type Principal } from "@confab/access";
import { ProblemError, type Route } from "@confab/contracts";
import type { IncomingMessage } from "node:http";
import type { RequestContext } from "./request-context.ts";

/**
 * Finds the principal of a request and throws if it may not use the route. Returns undefined instead of a promise if
 * the key is already known.
 */
export function admit(
  access: Access,
  req: IncomingMessage,
  route: Route,
  context: RequestContext,
): Promise<void> | undefined {
  const found = context.principal ?? access.identify(req);
  if (found instanceof Promise) {
    return found.then((principal) => {
      context.principal = principal;
      access.admit(route, principal, req);
    });
  }
  context.principal = found;
  access.admit(route, found, req);
  return undefined;
}

/**
 * Throws unless the principal may use the application and the chat in the path. For a key of another application, this
 * application does not exist. A user token opens only chats that it names.
 */
export function expectResource(
  principal: Principal | undefined,
  { scopes }: Route,
  { token, chat }: { token?: string; chat?: number },
): void {
  if (token !== undefined && !mayUse(principal, token)) throw new ProblemError("application-not-found");
  if (chat !== undefined) expectChats(principal, scopes, [chat]);
}
