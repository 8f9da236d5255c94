import { TextlintKernel } from "@textlint/kernel";
import markdownPlugin from "@textlint/textlint-plugin-markdown";
import { heading } from "./glossary.ts";
import { proseRule } from "./rule.ts";
import { proseOf } from "./source-text.ts";

export interface Finding {
  readonly line: number;
  readonly message: string;
}

const kernel = new TextlintKernel();

/** Lists what the glossary says to avoid in a Markdown page, or in the comments and strings of a TypeScript file. */
export async function lintFile(file: string, text: string): Promise<Finding[]> {
  if (!file.endsWith(".ts")) return lintMarkdown(text.split(heading)[0] ?? "");
  const { markdown, lines } = proseOf(file, text);
  const findings = await lintMarkdown(markdown);
  return findings.map(({ line, message }) => ({ line: lines[line - 1] ?? 1, message }));
}

async function lintMarkdown(text: string): Promise<Finding[]> {
  const { messages } = await kernel.lintText(text, {
    ext: ".md",
    plugins: [{ pluginId: "markdown", plugin: markdownPlugin.default }],
    rules: [{ ruleId: "prose", rule: proseRule }],
  });
  return messages.map(({ loc, message }) => ({ line: loc.start.line, message }));
}
