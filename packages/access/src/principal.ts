import { scopeNames, type Scope } from "@confab/contracts";

/** Who sends a request, and what they may do. */
export interface Principal {
  /** For the audit log: `key 8Qn3fVbZ`, or `admin key`. */
  readonly name: string;
  /** The only application that it may use; undefined if it may use all. */
  readonly token: string | undefined;
  readonly scopes: ReadonlySet<Scope>;
  /** The public id of its key; undefined for the configured admin key, which ends only with the process. */
  readonly keyId: string | undefined;
  /** Milliseconds since 1970; Infinity if never. */
  readonly expiresAt: number;
}

/** The owner of the configured admin key, who may do everything. */
export const configuredAdmin: Principal = {
  name: "admin key",
  token: undefined,
  scopes: new Set(scopeNames),
  keyId: undefined,
  expiresAt: Infinity,
};

/** Whether a request may use an application. One without a principal has only the token, which is enough if it got this far. */
export function mayUse(principal: Principal | undefined, token: string): boolean {
  return principal?.token === undefined || principal.token === token;
}
