import { TextlintKernel } from "@textlint/kernel";
import markdown from "@textlint/textlint-plugin-markdown";
import { heading } from "./glossary.ts";
import { proseRule } from "./rule.ts";

export interface Finding {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

const kernel = new TextlintKernel();

/** Lists what the glossary says to avoid in a Markdown page; its own list of such words is left out. */
export async function lintPage(text: string): Promise<Finding[]> {
  const [checked = ""] = text.split(heading);
  const { messages } = await kernel.lintText(checked, {
    ext: ".md",
    plugins: [{ pluginId: "markdown", plugin: markdown.default }],
    rules: [{ ruleId: "prose", rule: proseRule }],
  });
  return messages.map(({ loc, message }) => ({ line: loc.start.line, column: loc.start.column, message }));
}
