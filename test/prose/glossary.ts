import { readFileSync } from "node:fs";

export interface Advice {
  /** Words to avoid, or a phrase that one of the patterns finds. */
  readonly avoid: readonly string[];
  readonly instead: string;
  readonly isExample: boolean;
}

export const heading = "## Words to avoid";

const page = new URL("../../docs/reference/glossary.md", import.meta.url);

/**
 * Reads the glossary's table "Words to avoid", which is the only list of such words. Skips rows with a condition in
 * parentheses, which are left to readers.
 */
export function readAdvice(): Advice[] {
  const [, section = ""] = readFileSync(page, "utf8").split(heading);
  const [table = ""] = section.split("\n## ");
  const rows = [...table.matchAll(/^\| (.+?) \| (.+?) \|$/gm)].slice(1);
  return rows
    .map(([, avoid = "", instead = ""]) => ({ avoid, instead }))
    .filter(({ avoid }) => !avoid.includes("("))
    .map(({ avoid, instead }) => {
      const isExample = avoid.startsWith('"');
      const examples = [...avoid.matchAll(/"(.+?)"/g)].map(([, example = ""]) => example);
      return { avoid: isExample ? examples : avoid.split(", "), instead, isExample };
    });
}
