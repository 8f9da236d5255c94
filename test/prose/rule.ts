import type { AnyTxtNode } from "@textlint/ast-node-types";
import type { TextlintRuleModule } from "@textlint/types";
import { readAdvice } from "./glossary.ts";
import { anywhere, patterns, type Pattern } from "./patterns.ts";

const all: readonly Pattern[] = [
  ...readAdvice()
    .filter(({ isExample }) => !isExample)
    .map(({ avoid, instead }) => ({
      expression: new RegExp(String.raw`\b(?:${avoid.join("|")})\b`, "gi"),
      advice: `write "${instead}"`,
      blocks: anywhere,
    })),
  ...patterns,
];

/**
 * A textlint rule that reports everything that the glossary says to avoid. Code, quotations and link addresses are
 * exempt.
 */
export const proseRule: TextlintRuleModule = ({ RuleError, Syntax, getSource, locator, report }) => {
  const check = (block: Pattern["blocks"][number]) => (node: AnyTxtNode) => {
    const source = getSource(node);
    const text = maskExempt(node, source);
    for (const { expression, advice, blocks } of all) {
      if (!blocks.includes(block)) continue;
      for (const [found, index] of [...text.matchAll(expression)].map((match) => [match[0], match.index] as const)) {
        const padding = locator.range([index, index + found.length]);
        const quoted = source
          .slice(index, index + found.length)
          .replaceAll("\n", " ")
          .trim()
          .slice(0, 60);
        report(node, new RuleError(`"${quoted}": ${advice}`, { padding }));
      }
    }
  };
  return {
    [Syntax.Paragraph]: check("Paragraph"),
    [Syntax.Header]: check("Header"),
    [Syntax.TableCell]: check("TableCell"),
  };
};

/**
 * Returns the source as one line of the same length, so that positions stay valid. Each exempt text becomes a word of
 * x.
 */
function maskExempt(block: AnyTxtNode, source: string): string {
  let text = source;
  const cover = ([from, to]: readonly [number, number], filler: string) => {
    const [start, end] = [from - block.range[0], to - block.range[0]];
    text = text.slice(0, start) + filler.repeat(end - start) + text.slice(end);
  };
  const visit = (node: AnyTxtNode) => {
    const children = "children" in node ? (node.children as AnyTxtNode[]) : [];
    const [first, last] = [children[0], children.at(-1)];
    if (["Code", "Html", "Image"].includes(node.type)) cover(node.range, "x");
    if (node.type === "Link" && first !== undefined && last !== undefined) {
      cover([node.range[0], first.range[0]], " ");
      cover([last.range[1], node.range[1]], "_");
    }
    children.forEach(visit);
  };
  visit(block);
  return text.replaceAll(/[\n*|]/g, " ");
}
