interface ExactJson {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): object;
}

// TypeScript has no types for these parts of ECMAScript yet.
const exact = JSON as unknown as ExactJson;

/**
 * Parses JSON that is written again: a number that JavaScript would write in another way, such as a large id or 1e400,
 * keeps its text. JSON.stringify writes it.
 */
export function parseExactly(text: string): unknown {
  return exact.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source ? exact.rawJSON(source) : value,
  );
}
