import { describeVariables, type Variable } from "./describe-variables.ts";
import { libraryVariables } from "./library-variables.ts";
import { serviceNames, services } from "./services.ts";

const intro = `# Configuration

Environment variables are the only configuration of the services. An empty variable counts as unset. To read the value of
\`NAME\` from a file, for example a mounted secret, set \`NAME_FILE\` to the path of the file.

Run \`confabctl config check\` before you start a service. A service that cannot use its configuration reports every problem
and exits with code 78. [Configure Confab](../how-to/configure.md) says which variables matter.

\`PUT /loglevel\` on the admin port changes the log level of a running process. This page is generated from \`packages/config\` by
\`make generate\`.`;

/** Returns docs/reference/configuration.md. */
export function configurationPage(): string {
  const described = serviceNames.map((name) => ({ name, variables: describeVariables(services[name].variables) }));
  const usersByKey = Map.groupBy(
    described.flatMap(({ name, variables }) => variables.map((variable) => ({ name, variable }))),
    ({ variable }) => keyOf(variable),
  );
  const shared = [...usersByKey.values()].filter((users) => users.length > 1);
  const isOwn = (variable: Variable): boolean => usersByKey.get(keyOf(variable))?.length === 1;
  const sections = [
    intro,
    "## Shared by several services",
    markdownTable(
      ["Variable", "Used by", "Value", "Default", "Meaning"],
      shared.map((users) => {
        const { variable } = users[0]!;
        return [`\`${variable.name}\``, users.map(({ name }) => name).join(", "), ...cells(variable)];
      }),
    ),
    ...described.flatMap(({ name, variables }) => [
      `## ${name}`,
      markdownTable(
        ["Variable", "Value", "Default", "Meaning"],
        variables.filter(isOwn).map((variable) => [`\`${variable.name}\``, ...cells(variable)]),
      ),
    ]),
    "## OpenTelemetry and Node.js",
    "Confab passes these on to the OpenTelemetry SDK and to Node.js, which also read the other variables in their own documentation.",
    markdownTable(
      ["Variable", "Meaning"],
      Object.entries(libraryVariables).map(([name, meaning]) => [`\`${name}\``, meaning]),
    ),
  ];
  return `${sections.join("\n\n")}\n`;
}

/**
 * Returns the key that identifies a row. A variable has one row per default value, because the ports of the services
 * differ.
 */
function keyOf({ name, default: fallback, required }: Variable): string {
  return JSON.stringify([name, fallback, required]);
}

function cells({ form, default: fallback, required, secret, description }: Variable): string[] {
  const written = fallback === undefined ? "none" : `\`${fallback}\``;
  return [secret ? `${form} (secret)` : form, required ? "**required**" : written, description];
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
