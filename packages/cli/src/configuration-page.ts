import { describeConfig, type ConfigRow } from "@confab/runtime";
import type { ServiceConfig } from "./service-config.ts";

const intro = `# Configuration

Services are configured by environment variables alone. An empty variable counts as unset, and \`NAME_FILE\` may name a file
that holds the value of \`NAME\`, for mounted secrets. A service that cannot use its configuration lists every problem and ends
with exit code 78; \`confabctl config check\` does the same without starting it. This page is made from the services' schemas
by \`make generate\`.`;

/** docs/reference/configuration.md. */
export function configurationPage(services: readonly ServiceConfig[]): string {
  const described = services.map(({ name, schema }) => ({ name, rows: describeConfig(schema) }));
  const users = new Map<string, Set<string>>();
  for (const { name, rows } of described) {
    for (const row of rows) users.set(keyOf(row), (users.get(keyOf(row)) ?? new Set()).add(name));
  }
  const usersOf = (row: ConfigRow): ReadonlySet<string> => users.get(keyOf(row)) ?? new Set();
  const shared = new Map(
    described.flatMap(({ rows }) => rows.filter((row) => usersOf(row).size > 1).map((row) => [row.name, row])),
  );
  const sections = [
    intro,
    "## Shared by several services",
    markdownTable(
      ["Variable", "Used by", "Value", "Default", "Meaning"],
      [...shared.values()].map((row) => [`\`${row.name}\``, [...usersOf(row)].join(", "), ...cells(row)]),
    ),
    ...described.flatMap(({ name, rows }) => [
      `## ${name}`,
      markdownTable(
        ["Variable", "Value", "Default", "Meaning"],
        rows.filter((row) => usersOf(row).size === 1).map((row) => [`\`${row.name}\``, ...cells(row)]),
      ),
    ]),
  ];
  return `${sections.join("\n\n")}\n`;
}

/** The same name with another default is another row: ports differ. */
function keyOf({ name, form, default: fallback, required }: ConfigRow): string {
  return JSON.stringify([name, form, fallback, required]);
}

function cells({ form, default: fallback, required, secret, description }: ConfigRow): string[] {
  const value = `${form}${secret ? " (secret)" : ""}`;
  return [
    value,
    required
      ? "**required**"
      : fallback === undefined
        ? "none"
        : `\`${typeof fallback === "string" ? fallback : JSON.stringify(fallback)}\``,
    description,
  ];
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
