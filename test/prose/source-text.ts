import ts from "typescript";

export interface SourceText {
  /** Each comment, and each string of at least three words, as a paragraph of Markdown. */
  readonly markdown: string;
  /** For each line of the Markdown, its line in the source, from 1. */
  readonly lines: readonly number[];
}

interface Piece {
  readonly start: number;
  readonly text: string;
}

/** Extracts the prose of a TypeScript file: the text for readers of the code and for users of the program. */
export function proseOf(file: string, source: string): SourceText {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const pieces = new Map<number, Piece>();
  const visit = (node: ts.Node): void => {
    const leading = ts.getLeadingCommentRanges(source, node.getFullStart()) ?? [];
    const trailing = ts.getTrailingCommentRanges(source, node.getEnd()) ?? [];
    for (const range of [...leading, ...trailing]) {
      pieces.set(range.pos, { start: range.pos, text: commentText(source.slice(range.pos, range.end)) });
    }
    const string = stringText(node);
    if (string !== undefined && /\S\s+\S+\s+\S/.test(string))
      pieces.set(node.getStart(), { start: node.getStart(), text: string });
    node.getChildren(tree).forEach(visit);
  };
  visit(tree);
  const lines: number[] = [];
  const markdown: string[] = [];
  for (const { start, text } of pieces.values()) {
    const first = tree.getLineAndCharacterOfPosition(start).line + 1;
    [...text.split("\n"), ""].forEach((line, offset) => {
      markdown.push(line.trim());
      lines.push(first + offset);
    });
  }
  return { markdown: markdown.join("\n"), lines };
}

function commentText(comment: string): string {
  return comment.replace(/\*\/$/, "").replaceAll(/^\s*(?:\/\*\*?|\*|\/\/)/gm, "");
}

function stringText(node: ts.Node): string | undefined {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  return node.head.text + node.templateSpans.map(({ literal }) => `x${literal.text}`).join("");
}
