import type { Command } from "commander";
import { exitCodes } from "./exit-codes.ts";

/**
 * Returns docs/reference/cli.md: how to install and use confabctl, and the help of every command as the program prints
 * it.
 */
export function commandLinePage(program: Command): string {
  const codes = Object.values(exitCodes).map(({ code, meaning }) => `| ${code} | ${meaning} |`);
  return `# confabctl

## Install

- In a checkout, run \`packages/cli/bin/confabctl\`. To have it on your path, link it: \`ln -s
  "$PWD/packages/cli/bin/confabctl" ~/.local/bin/\`.
- Without a checkout, install the package. Make it in a checkout with \`npm run package --workspace packages/cli\`, which prints
  the file that it writes. Then, anywhere with Node 24.22.3 or later:

  \`\`\`sh
  npm install --global confabctl-${program.version() ?? ""}.tgz
  confabctl --version
  \`\`\`

  The package is one bundle without dependencies and without install scripts.
- In the image it is on the path: \`docker run --rm --entrypoint confabctl IMAGE --version\`. See also
  [Run confabctl in a cluster](../how-to/run-confabctl-in-a-cluster.md).

Completion for your shell (bash needs its package \`bash-completion\`):

\`\`\`sh
source <(confabctl complete bash)   # in ~/.bashrc
source <(confabctl complete zsh)    # in ~/.zshrc
confabctl complete fish | source    # in ~/.config/fish/config.fish
\`\`\`

## Use

Set the address and the application once; then no command needs them:

\`\`\`sh
export CONFAB_URL=https://chat.example.com
export CONFAB_TOKEN=b0144920-6211-49b6-b931-b4f1d6d64ab2
confabctl send 1 "Hello world"
confabctl tail 1
confabctl search 1 "hello"
\`\`\`

\`api\` calls any operation of the API by its name in the [API description](openapi.json), with an option for each parameter:

\`\`\`sh
confabctl api                               # lists the operations
confabctl api listMessages --help           # shows the parameters of one
confabctl api listMessages --token $TOKEN --chat 1 --all
confabctl api updateChat --token $TOKEN --chat 1 --data '{"name": "General"}'
\`\`\`

A token in front overrides \`CONFAB_TOKEN\`: \`confabctl send TOKEN 1 "Hello world"\`. Text with spaces must be in quotes.

Results go to standard output. Notes, progress and errors go to standard error. An error is a sentence that says what to do;
\`DEBUG=confab\` adds the stack trace. With \`--json\` a command prints one JSON document; \`tail\`, \`status\` and \`verify --quick\` print
one document per line. Times are in UTC. \`--local-time\` prints them in the time zone of the machine, or of \`TZ\`.

These commands work on the stores, not on the API: \`migrate\`, \`dead-letters\`, \`counts\`, \`search reindex\`, \`search verify\`,
\`status\`, \`trace\` and \`config check --stores\`. They read the [variables of the services](configuration.md), for example
\`DATABASE_URL\`. If none of the stores is named, they use the stores of \`make up\` in this checkout.

This page is generated from the program's own help by \`make generate\`.

## Exit codes

| code | meaning |
| --- | --- |
${codes.join("\n")}

${sections(program, [program.name()]).join("\n\n")}
`;
}

function sections(command: Command, path: readonly string[]): string[] {
  const own = `## ${path.join(" ")}\n\n\`\`\`\n${command.helpInformation().trimEnd()}\n\`\`\``;
  // The operations of the API are described by the API itself.
  if (command.name() === "api") return [own];
  return [own, ...command.commands.flatMap((child) => sections(child, [...path, child.name()]))];
}
