/**
 * Returns the commands in the code blocks of a page: all lines of `sh` blocks, and the lines after `$ ` in `console`
 * blocks.
 */
export function shellBlocks(page: string): string[] {
  return [...page.matchAll(/^( *)```(sh|console)\n([^]*?)^\1```$/gm)].map(([, indent = "", language, content = ""]) => {
    const lines = content.split("\n").map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    return language === "sh" ? lines.join("\n") : typed(lines).join("\n");
  });
}

/** Returns the lines after a prompt, with their continuation lines. */
function typed(lines: readonly string[]): string[] {
  return lines.flatMap((line, index) => {
    if (line.startsWith("$ ")) return [line.slice(2)];
    return lines[index - 1]?.endsWith("\\") ? [line] : [];
  });
}

/** Returns the commands in a shell script that begin with these words. Each ends with its line or before a pipe. */
export function commandsIn(script: string, words: string): string[] {
  return [...script.matchAll(new RegExp(`${words} `, "g"))].map(({ index }) => {
    const rest = /^(?:'[^']*'|"(?:[^"\\]|\\[^])*"|\\[^]|[^'"\\\n|;&#])*/.exec(script.slice(index));
    return rest![0].trim();
  });
}
