interface ExactJson {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): object;
}

// TypeScript has no types for these parts of ECMAScript yet.
const exact = JSON as unknown as ExactJson;

/**
 * Parses JSON that is written out again. A number that JavaScript would write differently, such as a large id or 1e400,
 * keeps its text, and JSON.stringify writes that text.
 */
export function parseExactly(text: string): unknown {
  return exact.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source ? exact.rawJSON(source) : value,
  );
}
