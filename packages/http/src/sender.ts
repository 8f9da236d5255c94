import type { Principal } from "@confab/access";
import type { IncomingMessage } from "node:http";
import { clientAddress } from "./client-address.ts";

/** Whose part of the memory a request uses. */
export interface Sender {
  /** The token of an application, or whatever else is known of the sender. */
  readonly owner: string;
  /** Whether the owner is an application that the sender may use. */
  readonly isApplication: boolean;
  /** The user whose token was sent. */
  readonly user: string | undefined;
}

/**
 * Returns the sender of a request that was admitted. Without a key, nothing but the client's address is known to be
 * true: anyone can invent tokens.
 */
export function senderOf(req: IncomingMessage, principal: Principal | undefined, token: string | undefined): Sender {
  if (principal === undefined) return { owner: clientAddress(req), isApplication: false, user: undefined };
  const application = token ?? principal.token;
  return { owner: application ?? principal.name, isApplication: application !== undefined, user: principal.user?.id };
}
