const CENSORED = "[redacted]";
const DEPTH = 3;
const SENSITIVE = new Set([
  "application_token",
  "applicationToken",
  "authorization",
  "body",
  "cookie",
  "idempotency-key",
  "idempotency_key",
  "idempotencyKey",
  "password",
  "token",
]);

/** pino serializers for the fields of child loggers, which its formatters do not see. */
export const censors = Object.fromEntries(Array.from(SENSITIVE, (name) => [name, () => CENSORED]));

/**
 * The fields without the values that no log may hold, told by their names. Most lines hold none and come back as they are, uncopied: pino's own
 * `redact` made a log line several times as dear.
 */
export function redact(fields: Record<string, unknown>): Record<string, unknown> {
  return redactTo(DEPTH, fields);
}

function redactTo(depth: number, fields: Record<string, unknown>): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    const shown =
      SENSITIVE.has(name) && value !== undefined ? CENSORED : depth > 1 ? redactValue(depth - 1, value) : value;
    if (shown !== value) (copy ??= { ...fields })[name] = shown;
  }
  return copy ?? fields;
}

function redactValue(depth: number, value: unknown): unknown {
  // Errors have a serializer of their own, which keeps their text only.
  if (typeof value !== "object" || value === null || value instanceof Error) return value;
  if (!Array.isArray(value)) return redactTo(depth, value as Record<string, unknown>);
  const items = value as unknown[];
  const shown = items.map((item) => redactValue(depth, item));
  return shown.some((item, index) => item !== items[index]) ? shown : items;
}
