import type { DocumentedValue } from "./values-file.ts";

/** Renders the chart's README: the prose, then a table of values for each section of values.yaml. */
export function readme(values: readonly DocumentedValue[], prose: string): string {
  const sections = Map.groupBy(values, ({ path }) => path.split(".")[0]!);
  const single = [...sections.values()].filter((section) => section.length === 1).flat();
  const tables = [...sections]
    .filter(([, section]) => section.length > 1)
    .map(([name, section]) => `### ${name}\n\n${table(section)}`);
  const note = "<!-- Made by `npm run generate` from values.yaml and README.template.md. -->";
  return `${[note, prose.trim(), `### General\n\n${table(single)}`, ...tables].join("\n\n")}\n`;
}

function table(values: readonly DocumentedValue[]): string {
  const rows = values.map(({ path, description, default: value }) => {
    return `| \`${path}\` | ${escaped(description)} | ${defaultOf(value)} |`;
  });
  return ["| value | what | default |", "| --- | --- | --- |", ...rows].join("\n");
}

/** Long maps and lists are shown only in values.yaml. */
function defaultOf(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? "see `values.yaml`" : `\`${escaped(text)}\``;
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}
