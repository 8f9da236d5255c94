import type { Principal } from "@confab/access";
import type { IncomingMessage } from "node:http";
import { clientAddress } from "./client-address.ts";

/** The sender whose share of the memory a request uses. */
export interface Sender {
  /** The token of an application; otherwise the name of the principal or the client's address. */
  readonly owner: string;
  /** Whether the owner is an application that the sender may use. */
  readonly isApplication: boolean;
  /** Id of the user whose user token was sent, if any. */
  readonly user: string | undefined;
}

/**
 * Returns the sender of an admitted request. Without a key, only the client's address can be trusted, because anyone
 * can invent tokens.
 */
export function senderOf(req: IncomingMessage, principal: Principal | undefined, token: string | undefined): Sender {
  if (principal === undefined) return { owner: clientAddress(req), isApplication: false, user: undefined };
  const application = token ?? principal.token;
  return { owner: application ?? principal.name, isApplication: application !== undefined, user: principal.user?.id };
}
