import { ProblemError, jsonTextFields } from "@confab/contracts";
import {
  backslash,
  closeArray,
  closeObject,
  colonSign,
  comma,
  openArray,
  openObject,
  quotationMark,
  isWhiteSpace,
} from "./json-bytes.ts";

/** Maximum nesting of arrays and objects in a body or an item of a batch request. */
export const maxDepth = 64;
/** Maximum number of values in a body or an item of a batch request: members of objects and elements of arrays. */
export const maxValues = 10_000;

/** An object under a name of `jsonTextFields` in a body: the offset of its first byte and the offset after its last. */
export interface TextField {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export interface Shape {
  /**
   * Number of values that are kept after parsing. The values inside `fields` do not count, because they become texts.
   */
  readonly values: number;
  /** Fields in the order of the body; a name may occur several times. */
  readonly fields: readonly TextField[];
}

const noFields: readonly TextField[] = [];

/**
 * Refuses a text with 422 if parsing it costs far more memory than its size suggests: an object of two bytes takes
 * fifty in memory. It looks only at strings, brackets and commas; JSON.parse decides whether the text is JSON.
 */
export function readShape(bytes: Buffer): Shape {
  let depth = 0;
  let values = 0;
  let dropped = 0;
  let fields = noFields;
  let open: { name: string; from: number; values: number } | undefined;
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]!) {
      case quotationMark: {
        const end = endOfString(bytes, at + 1);
        // The cheap check comes first: most strings are not keys of objects.
        const from = depth === 1 ? startOfObject(bytes, end + 1) : undefined;
        const name = from === undefined ? undefined : textFieldName(bytes, at, end);
        if (from !== undefined && name !== undefined) open = { name, from, values: values + 1 };
        at = end;
        break;
      }
      case openArray:
      case openObject:
        depth += 1;
        values += 1;
        if (depth > maxDepth) throw tooDeep();
        break;
      case closeArray:
      case closeObject:
        depth -= 1;
        if (open === undefined || depth > 1) break;
        fields = [...fields, { name: open.name, from: open.from, to: at + 1 }];
        dropped += values - open.values;
        open = undefined;
        break;
      case comma:
        values += 1;
        break;
    }
    if (values > maxValues) throw tooManyValues();
  }
  return { values: values - dropped, fields };
}

/** Length of the longest name with each character escaped. */
const longestName = 6 * Math.max(...Array.from(jsonTextFields, (name) => name.length));

/** Returns the string between two quotes if it is a name of `jsonTextFields`. */
function textFieldName(bytes: Buffer, quote: number, end: number): string | undefined {
  const length = end - quote - 1;
  if (length > longestName) return undefined;
  const text = bytes.toString("latin1", quote + 1, end);
  if (jsonTextFields.has(text)) return text;
  if (!text.includes("\\")) return undefined;
  try {
    const name = JSON.parse(`"${text}"`) as string;
    return jsonTextFields.has(name) ? name : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Returns the offset of the object that follows a key that ends before `at`, or undefined if something else follows.
 */
function startOfObject(bytes: Buffer, at: number): number | undefined {
  const colon = skipWhiteSpace(bytes, at);
  if (bytes[colon] !== colonSign) return undefined;
  const start = skipWhiteSpace(bytes, colon + 1);
  return bytes[start] === openObject ? start : undefined;
}

function skipWhiteSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (isWhiteSpace(bytes[at])) at += 1;
  return at;
}

/** Returns the end of the string that began before `start`: its closing quote, or the end of the text. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === quotationMark) break;
    if (byte === backslash) at += 1;
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
