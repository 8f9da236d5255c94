import { z } from "zod";
import { senderSchema } from "./message-content.ts";
import { keyIdSchema, type Scope } from "./keys.ts";

/** The scopes that a user may have in a chat. */
export const userScopes = ["read", "write", "search", "edit"] as const satisfies readonly Scope[];

/** Maximum time from `iat` to `exp`, in seconds. */
export const longestUserToken = 86_400;

const ofSeconds = "must be a time in seconds since 1970";
const secondsSchema = z.number(ofSeconds).positive(ofSeconds).max(253_402_300_799, ofSeconds);

/** Returns the chats that a name in the claim `chats` stands for: decimal numbers, or `*`. */
export function chatsIn(name: string): string[] {
  return name.split(",");
}

function hasEachOnce(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}

/** The claims of a user token that Confab reads. It ignores the other claims of RFC 7519. */
export const userTokenClaimsSchema = z
  .object({
    sub: senderSchema,
    iat: secondsSchema,
    exp: secondsSchema,
    chats: z.record(
      z.string().regex(/^(\*|[1-9]\d{0,9}(,[1-9]\d{0,9})*)$/),
      z.array(z.enum(userScopes, `must be one of ${userScopes.join(", ")}`), "must be an array of scopes"),
      {
        error: ({ code }) =>
          code === "invalid_key"
            ? "must be numbers of chats with commas and no spaces between them, or *"
            : "must be an object: scopes by the numbers of chats, or by * for all other chats",
      },
    ),
  })
  .refine(({ chats }) => hasEachOnce(Object.keys(chats).flatMap(chatsIn)), {
    path: ["chats"],
    error: "must name each chat once",
  })
  .refine(({ iat, exp }) => exp - iat <= longestUserToken, {
    path: ["exp"],
    error: `must be at most ${longestUserToken} seconds after iat`,
  });
export type UserTokenClaims = z.infer<typeof userTokenClaimsSchema>;

/** The header of a user token. `kid` names the key that verifies the token. */
export const userTokenHeaderSchema = z.object({ kid: keyIdSchema });
