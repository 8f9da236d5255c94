import type { Command } from "commander";
import { exitCodes } from "./exit-codes.ts";

/** docs/reference/cli.md: the help of every command, as the program prints it. */
export function commandLinePage(program: Command): string {
  const codes = Object.values(exitCodes).map(({ code, meaning }) => `| ${code} | ${meaning} |`);
  return `# confabctl

In a checkout it is \`packages/cli/bin/confabctl\`. Results go to standard output, notes, progress and errors to standard
error; an error is a sentence that says what to do, and \`DEBUG=confab\` adds where it happened. With \`--json\` a command
prints one JSON document; \`tail\`, \`status\` and \`export\` print one a line.

\`migrate\`, \`dead-letters\`, \`counts\`, \`search reindex\` and \`search verify\` work on the stores themselves, which
\`DATABASE_URL\`, \`ELASTICSEARCH_URL\`, \`SEARCH_INDEX\` and \`SEARCH_BACKEND\` name as for the services; in a checkout they
default to the stores of \`make up\`. \`status\` and \`config check --stores\` read Redis as well (\`REDIS_URL\`, \`REDIS_KEY_PREFIX\`,
\`PARTITIONS\`).

This page is made from the program's own help by \`make generate\`.

## Exit codes

| code | meaning |
| --- | --- |
${codes.join("\n")}

${sections(program, [program.name()]).join("\n\n")}
`;
}

function sections(command: Command, path: readonly string[]): string[] {
  const own = `## ${path.join(" ")}\n\n\`\`\`\n${command.helpInformation().trimEnd()}\n\`\`\``;
  return [own, ...command.commands.flatMap((child) => sections(child, [...path, child.name()]))];
}
