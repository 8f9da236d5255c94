import { ProblemError } from "@confab/contracts";
import { BACKSLASH, CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from "./json-bytes.ts";

/** Maximum nesting of arrays and objects in a body or an item of a batch request. */
export const maxDepth = 64;
/** Maximum number of values in a body or an item of a batch request: members of objects and elements of arrays. */
export const maxValues = 10_000;

/**
 * Refuses with 422 a text that costs far more to parse than its size suggests: an object of two bytes takes fifty in memory.
 * It looks only at brackets and commas; JSON.parse decides whether the text is JSON.
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

/** The end of the string that began before `start`: its closing quote, or the end of the text. */
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
  return invalid(`must not have more than ${maxValues} values`);
}

function invalid(detail: string): ProblemError {
  return new ProblemError("validation-failed", { errors: [{ pointer: "", detail }] });
}
