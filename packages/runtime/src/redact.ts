const censored = "[redacted]";
const maxDepth = 3;
/** The words of each sensitive name. All spellings match: admin_key, adminKey, Admin-Key. */
const sensitive = [
  ["access", "token"],
  ["admin", "api", "key"],
  ["admin", "key"],
  ["api", "key"],
  ["application", "token"],
  ["authorization"],
  ["body"],
  ["cookie"],
  ["idempotency", "key"],
  ["password"],
  ["private", "key"],
  ["proxy", "authorization"],
  ["secret"],
  ["set", "cookie"],
  ["token"],
  ["x", "api", "key"],
];
const joined = new Set(sensitive.map((words) => words.join("")));
/**
 * Maximum number of field names that are remembered. Most names come from our code, but objects that are logged as a
 * whole have other names.
 */
const remembered = 1_000;
const known = new Map<string, boolean>();

function isSensitive(name: string): boolean {
  let answer = known.get(name);
  if (answer === undefined) {
    answer = joined.has(name.replaceAll(/[-_]/g, "").toLowerCase());
    if (known.size < remembered) known.set(name, answer);
  }
  return answer;
}

const spellings = sensitive.flatMap((words) => {
  const [first = "", ...others] = words;
  const camel = first + others.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return [words.join("_"), words.join("-"), camel, words.join("_").toUpperCase()];
});

/**
 * pino serializers for the fields of child loggers, which formatters do not see. They match only the usual spellings.
 */
export const censors = Object.fromEntries(spellings.map((name) => [name, () => censored]));

/**
 * Replaces values that no log may contain, by the names of their fields. Most lines have none and are returned without
 * a copy. pino's own `redact` would make each line several times as expensive.
 */
export function redact(fields: Record<string, unknown>): Record<string, unknown> {
  return redactTo(maxDepth, fields);
}

function redactTo(depth: number, fields: Record<string, unknown>): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    const shown =
      value !== undefined && isSensitive(name) ? censored : depth > 1 ? redactValue(depth - 1, value) : value;
    if (shown !== value) (copy ??= { ...fields })[name] = shown;
  }
  return copy ?? fields;
}

function redactValue(depth: number, value: unknown): unknown {
  // Errors have their own serializer, which keeps only their text.
  if (typeof value !== "object" || value === null || value instanceof Error) return value;
  if (!Array.isArray(value)) return redactTo(depth, value as Record<string, unknown>);
  const items = value as unknown[];
  const shown = items.map((item) => redactValue(depth, item));
  return shown.some((item, index) => item !== items[index]) ? shown : items;
}
