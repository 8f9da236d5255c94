import type { RequestContext } from "./request-context.ts";

/** Maximum number of names that an answer lists; `maxNameLength` limits the characters of each. */
const maxNames = 10;
const maxNameLength = 64;

/** Remembers the names in `input` that no schema knows, up to one more than an answer lists. */
export function noteIgnored(context: RequestContext, input: object, known: ReadonlySet<string>): void {
  for (const name in input) {
    if (known.has(name)) continue;
    context.ignored ??= new Set();
    if (context.ignored.size > maxNames) return;
    context.ignored.add(name);
  }
}

/**
 * Returns the names as the value of `Confab-Ignored-Fields`: separated by commas, percent-encoded, and bounded, since
 * clients choose them. `...` stands for the names or parts that do not fit.
 */
export function ignoredHeader(names: ReadonlySet<string>): string {
  const listed = [...names].slice(0, maxNames).map(encodeName);
  return [...listed, ...(names.size > maxNames ? ["..."] : [])].join(", ");
}

function encodeName(name: string): string {
  if (name === "") return '""';
  let text = "";
  for (const character of name.slice(0, maxNameLength + 1).toWellFormed()) {
    const encoded = encodeURIComponent(character);
    if (text.length + encoded.length > maxNameLength) return `${text}...`;
    text += encoded;
  }
  return text;
}
