import { ProblemError } from "@confab/contracts";

/** Maximum number of characters of a name that an answer quotes. */
const maxNameLength = 64;

/**
 * Throws a 422 that names the query parameters that the route does not know. Ignoring a filter would return more than
 * the client requested.
 */
export function expectKnown(query: object, known: ReadonlySet<string>): void {
  const unknown = Object.keys(query).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new ProblemError("validation-failed", {
    errors: unknown.map((name) => ({ pointer: `?${shorten(name)}`, detail: detailOf(name, [...known]) })),
  });
}

function detailOf(name: string, known: readonly string[]): string {
  if (known.length === 0) return "is not a parameter of this route, which has none";
  const meant = name.length > maxNameLength ? undefined : nearest(name, known);
  const hint = meant === undefined ? "" : `. Did you mean ${meant}?`;
  return `is not a parameter of this route, which has only ${known.join(", ")}${hint}`;
}

function shorten(name: string): string {
  return name.length > maxNameLength ? `${name.slice(0, maxNameLength).toWellFormed()}...` : name;
}

/** Returns the known name that differs from `name` in at most two characters, ignoring case. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known.map((one) => ({ one, distance: distanceOf(name.toLowerCase(), one) }));
  const best = ranked.toSorted((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= Math.min(2, best.one.length - 1) ? best.one : undefined;
}

/**
 * Returns the Levenshtein distance: the number of characters to insert, remove or replace to turn one text into the
 * other.
 */
function distanceOf(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [i, character] of Array.from(from).entries()) {
    const next = [i + 1];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = row[j - 1]! + (character === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row.at(-1)!;
}
