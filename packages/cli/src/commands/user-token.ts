import { createHash } from "node:crypto";
import { userTokenClaimsSchema, userScopes } from "@confab/contracts";
import { InvalidArgumentError, type Command } from "commander";
import { duration, keyOf, toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";

type Chats = Record<string, string[]>;

/**
 * Adds `user-token`, which signs a user token with the key, for trials. In production, a back end signs user tokens
 * itself.
 */
export function addUserTokenCommand(program: Command, io: Io): void {
  program
    .command("user-token")
    .description("sign a user token with the key, without a request, to try what a user may do")
    .argument("<user>", "your own id of the user, who becomes the sender")
    .requiredOption(
      "--chat <numbers=scopes...>",
      `scopes in chats, or with * in all other chats, such as 7,8=read,write; of ${userScopes.join(", ")}`,
      chatOf,
    )
    .option("--lifetime <duration>", "how long it is valid, at most 24h (default: 1h)", duration)
    .action(async (user: string, options: { chat: Chats; lifetime?: number }, command: Command) => {
      const { output, options: global } = toolsOf(io, command);
      const key = keyOf(global);
      const keyId = /^confab_([0-9A-Za-z]{8})_/.exec(key ?? "")?.[1];
      if (key === undefined || keyId === undefined) {
        throw new CommandError(
          "usage",
          "A key of an application signs user tokens: name it with CONFAB_KEY, --key-file or --key.",
        );
      }
      const iat = Math.floor(Date.now() / 1_000);
      const claims = {
        sub: user,
        iat,
        exp: iat + Math.ceil((options.lifetime ?? 3_600_000) / 1_000),
        chats: options.chat,
      };
      const { error } = userTokenClaimsSchema.safeParse(claims);
      if (error)
        throw new CommandError(
          "usage",
          `A user token cannot have these claims: ${error.issues[0]!.path.join(".")} ${error.issues[0]!.message}.`,
        );
      const { SignJWT } = await import("jose");
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: "HS256", typ: "JWT", kid: keyId })
        .sign(createHash("sha256").update(key).digest());
      output.result({ token, expires_at: new Date(1_000 * claims.exp).toISOString() }, () => token);
    });
}

function chatOf(text: string, chats: Chats = {}): Chats {
  const match = /^(\*|[1-9][\d,]*)=([a-z,]+)$/.exec(text);
  if (!match)
    throw new InvalidArgumentError(
      "It must be numbers of chats, or *, and scopes, such as 7=read,write or 7,8,9=read.",
    );
  return { ...chats, [match[1]!]: match[2]!.split(",") };
}
