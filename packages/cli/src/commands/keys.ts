import { createPublicKey, type JsonWebKey } from "node:crypto";
import { scopeNames, userScopes, type CreatedKey, type Key, type Scope } from "@confab/contracts";
import { InvalidArgumentError, type Command } from "commander";
import { listed, pages } from "../api-client.ts";
import { onApplication, onOwner, textOperand, type Operand } from "../application-arguments.ts";
import { duration, future, number, toolsOf } from "../command-tools.ts";
import { asksFirst, expectConsent } from "../consent.ts";
import type { Io } from "../io.ts";
import { readKeyFile } from "../key-file.ts";
import { columns, table, type Output } from "../output.ts";

const keyOperand: Operand<string> = {
  name: "key-id",
  description: "the public id of the key, from the list",
  parse: keyId,
  isText: true,
};

/** `keys create|upload|list|rotate|revoke`: of an application, or with `--admin` of the installation. */
export function addKeysCommands(program: Command, io: Io): void {
  const keys = program.command("keys").description("create, list, replace and revoke keys");

  onOwner(
    keys
      .command("create")
      .description("create a key and show it, once")
      .requiredOption("--scopes <scopes>", `its scopes, separated by commas: ${scopeNames.join(", ")}`, scopesOf)
      .option("--expires <when>", "when it stops working: a time, or a duration such as 90d", future),
    [textOperand("name", "its purpose, 1 to 255 characters")],
    async (token, [name], command) => {
      const { api, output } = toolsOf(io, command);
      const { scopes, expires } = command.opts<{ scopes: Scope[]; expires?: Date }>();
      const body = { name, scopes, ...(expires && { expires_at: expires.toISOString() }) };
      const { body: created } =
        token === null
          ? await api.call("createAdminKey", { body })
          : await api.call("createKey", { params: { token }, body });
      show(created, output);
    },
  );

  onApplication(
    keys
      .command("upload")
      .description("make a public key of yours a key of an application; it verifies the user tokens that you sign")
      .requiredOption(
        "--scopes <scopes>",
        `the scopes that its user tokens may have at most: ${userScopes.join(", ")}`,
        scopesOf,
      )
      .option("--expires <when>", "when it stops working: a time, or a duration such as 90d", future),
    [
      textOperand("name", "its purpose, 1 to 255 characters"),
      { ...textOperand("file", "the public key: PEM, or a JSON Web Key; Ed25519 or P-256"), parse: readPublicKey },
    ],
    async (token, [name, publicKey], command) => {
      const { api, output } = toolsOf(io, command);
      const { scopes, expires } = command.opts<{ scopes: Scope[]; expires?: Date }>();
      const body = { name, scopes, public_key: publicKey, ...(expires && { expires_at: expires.toISOString() }) };
      const { body: uploaded } = await api.call("uploadKey", { params: { token }, body });
      output.result(uploaded, () => view([uploaded], output));
    },
  );

  onOwner(
    keys
      .command("list")
      .description("list keys, oldest first, also those that are revoked or have expired")
      .option("--limit <n>", "maximum number of keys", number, 50)
      .option("--all", "list all keys"),
    [],
    async (token, _values, command) => {
      const { api, output } = toolsOf(io, command);
      const options = command.opts<{ limit: number; all?: boolean }>();
      const limit = options.all === true ? Infinity : options.limit;
      const found = await listed(
        token === null ? pages(api, "listAdminKeys", { limit }) : pages(api, "listKeys", { params: { token }, limit }),
      );
      output.result(found, () => view(found, output));
    },
  );

  onOwner(
    keys
      .command("rotate")
      .description("replace a key with a new one with the same name, scopes and lifetime, and show that, once")
      .option("--grace <duration>", "how long the old key still works, such as 1h or 0s (default: 24h)", duration),
    [keyOperand],
    async (token, [key], command) => {
      const { api, output } = toolsOf(io, command);
      const { grace } = command.opts<{ grace?: number }>();
      const body = grace === undefined ? {} : { grace_seconds: Math.ceil(grace / 1000) };
      const { body: created } =
        token === null
          ? await api.call("rotateAdminKey", { params: { key }, body })
          : await api.call("rotateKey", { params: { token, key }, body });
      show(created, output);
    },
  );

  onOwner(
    asksFirst(keys.command("revoke").description("end a key for good, and the streams that were opened with it")),
    [keyOperand],
    async (token, [key], command) => {
      const { api, output } = toolsOf(io, command);
      await expectConsent(io, command, () => {
        return `This revokes the key ${key}: whoever uses it is refused from now on, and its streams end.`;
      });
      if (token === null) await api.call("revokeAdminKey", { params: { key } });
      else await api.call("revokeKey", { params: { token, key } });
      output.result({ key_id: key, revoked: true }, () => `${key} revoked`);
    },
    { isNamed: true },
  );
}

/** Reads the public key in a file, as a JSON Web Key. A private key is reduced to its public part. */
function readPublicKey(path: string): JsonWebKey {
  const text = readKeyFile(path);
  try {
    const key = text.startsWith("{") ? { key: JSON.parse(text) as JsonWebKey, format: "jwk" as const } : text;
    return createPublicKey(key).export({ format: "jwk" });
  } catch {
    throw new InvalidArgumentError("It must be a public key: PEM, or a JSON Web Key.");
  }
}

function show(created: CreatedKey, output: Output): void {
  const { key, ...rest } = created;
  output.result(created, () => `${columns([["KEY", key]])}\n\n${view([rest], output)}`);
  output.note("The key is shown only now. Keep it where no log and no command line has it.");
}

function view(keys: readonly Key[], { time }: Output): string {
  const shown = (at: string | null): string => (at === null ? "" : time(at));
  return table(
    ["ID", "NAME", "KIND", "SCOPES", "CREATED", "EXPIRES", "LAST USED", "REVOKED"],
    keys.map(({ key_id, name, public_key, scopes, created_at, expires_at, last_used_at, revoked_at }) => [
      key_id,
      name,
      public_key === null ? "secret" : "public key",
      scopes.join(","),
      time(created_at),
      shown(expires_at),
      shown(last_used_at),
      shown(revoked_at),
    ]),
  );
}

function keyId(text: string): string {
  if (!/^[0-9A-Za-z]{8}$/.test(text)) throw new InvalidArgumentError("It must be the id of a key, eight characters.");
  return text;
}

function scopesOf(text: string): Scope[] {
  const names = text.split(",").map((name) => name.trim());
  if (!names.every((name): name is Scope => scopeNames.includes(name as Scope))) {
    throw new InvalidArgumentError(`It must be one or more of ${scopeNames.join(", ")}, separated by commas.`);
  }
  return names;
}
