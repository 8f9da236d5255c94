/** The fields of request bodies whose objects are kept as text: a client's own data, which Confab does not interpret. */
export const jsonTextFields: ReadonlySet<string> = new Set(["metadata", "data"]);

/** Stands for a text until `encodeJson` replaces it. No client knows it, and it leaves no process. */
const mark = crypto.randomUUID();
const quotedMark = JSON.stringify(mark);
const texts: string[] = [];
let isEncoding = false;

/**
 * A JSON object as its text, without white space between its tokens. Kept as a tree it would take up to twenty times as
 * much memory, and writing the tree would change numbers and drop keys. `encodeJson` writes it; JSON.stringify alone throws.
 */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toJSON(): string {
    if (!isEncoding) throw new Error("Only encodeJson can write a JsonText");
    texts.push(this.text);
    return mark;
  }
}

/** Returns the text of an object that this process has as a value. */
export function toJsonText(value: object): JsonText {
  return value instanceof JsonText ? value : new JsonText(JSON.stringify(value));
}

/** Returns valid JSON without white space between its tokens, and otherwise as it is. */
export function compactJson(json: string): string {
  return /\s/.test(json) ? json.replace(stringOrSpace, (part) => (part.startsWith('"') ? part : "")) : json;
}

const stringOrSpace = /"(?:[^"\\]|\\.)*"|[ \t\n\r]+/g;

/** Works like JSON.stringify for values that contain a JsonText, whose text is copied as it is. */
export function encodeJson(value: unknown): string {
  isEncoding = true;
  try {
    const json = JSON.stringify(value);
    return texts.length === 0 ? json : insertTexts(json);
  } finally {
    isEncoding = false;
    texts.length = 0;
  }
}

function insertTexts(json: string): string {
  const [first, ...rest] = json.split(quotedMark);
  return rest.reduce((whole, part, at) => whole + texts[at]! + part, first!);
}

/** Returns the levels of arrays and objects in valid JSON, and whether it escapes a lone surrogate. */
export function shapeOfJson(json: string): { levels: number; isWellFormed: boolean } {
  let depth = 0;
  let levels = 0;
  let isWellFormed = true;
  let isInString = false;
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (character === '"') isInString = !isInString;
    else if (character === "\\") {
      if (json[at + 1] !== "u") at += 1;
      else if (loneSurrogate.test(json.slice(at, at + 12))) isWellFormed = false;
      else at += /^\\ud[89ab]/i.test(json.slice(at, at + 4)) ? 11 : 5;
    } else if (!isInString && (character === "{" || character === "[")) levels = Math.max(levels, (depth += 1));
    else if (!isInString && (character === "}" || character === "]")) depth -= 1;
  }
  return { levels, isWellFormed };
}

/** An escape that begins a pair and has no second half, or that is a second half itself. */
const loneSurrogate = /^\\u(?:d[89ab]..(?!\\ud[c-f])|d[c-f])/i;
