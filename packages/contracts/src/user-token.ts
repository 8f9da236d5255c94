import { z } from "zod";
import { senderSchema } from "./message-content.ts";
import { keyIdSchema, type Scope } from "./keys.ts";

/** The scopes that a user may have in a chat. */
export const userScopes = ["read", "write", "search", "edit"] as const satisfies readonly Scope[];

/** Maximum time from `iat` to `exp`, in seconds. */
export const longestUserToken = 86_400;

const secondsSchema = z.number("must be a time in seconds since 1970").positive().max(253_402_300_799);

/** The claims of a user token, beside those that RFC 7519 defines and Confab ignores. */
export const userTokenClaimsSchema = z
  .object({
    sub: senderSchema,
    iat: secondsSchema,
    exp: secondsSchema,
    chats: z.record(
      z.string().regex(/^(\*|[1-9]\d{0,9})$/, "must be the number of a chat, or *"),
      z.array(z.enum(userScopes, `must be one of ${userScopes.join(", ")}`)),
      "must be an object: scopes by the number of a chat, or by * for all other chats",
    ),
  })
  .refine(({ iat, exp }) => exp - iat <= longestUserToken, {
    path: ["exp"],
    error: `must be at most ${longestUserToken} seconds after iat`,
  });
export type UserTokenClaims = z.infer<typeof userTokenClaimsSchema>;

/** The header of a user token: `kid` names the key that verifies it. */
export const userTokenHeaderSchema = z.object({ kid: keyIdSchema });
