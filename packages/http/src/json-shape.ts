import { ProblemError } from "@confab/contracts";
import { BACKSLASH, CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from "./json-bytes.ts";

/** How deep arrays and objects may be nested in a body or an item of a batch. */
export const maxDepth = 64;
/** Values in a body or an item of a batch: members of objects and elements of arrays. */
export const maxValues = 10_000;

/**
 * Refuses with 422 what would cost far more to parse than its bytes suggest: two bytes can be an object, which takes fifty in memory. Looks at
 * brackets and commas only; whether they make JSON is for JSON.parse to say.
 */
export function checkShape(bytes: Uint8Array): void {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]!) {
      case QUOTE:
        at = endOfString(bytes, at + 1);
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        depth += 1;
        values += 1;
        if (depth > maxDepth) throw tooDeep();
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth -= 1;
        break;
      case COMMA:
        values += 1;
        break;
    }
    if (values > maxValues) throw tooManyValues();
  }
}

/** Where the string ends that began before `at`: its closing quote, or the end of the text. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) break;
    if (byte === BACKSLASH) at += 1;
  }
  return at;
}

export function tooDeep(): ProblemError {
  return invalid(`must not nest arrays and objects more than ${maxDepth} levels deep`);
}

export function tooManyValues(): ProblemError {
  return invalid(`must not hold more than ${maxValues} values`);
}

function invalid(detail: string): ProblemError {
  return new ProblemError("validation-failed", { errors: [{ pointer: "", detail }] });
}
