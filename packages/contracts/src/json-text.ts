/**
 * Fields of request bodies whose objects are kept as text, because they are a client's own data, which Confab does not
 * interpret.
 */
export const jsonTextFields: ReadonlySet<string> = new Set(["metadata", "data"]);

/** Placeholder for a text until `encodeJson` replaces it. No client knows it, and it never leaves the process. */
const mark = crypto.randomUUID();
const quotedMark = JSON.stringify(mark);
const texts: string[] = [];
let isEncoding = false;

/**
 * A JSON object as text, without white space between its tokens. A parsed object would take up to twenty times as much
 * memory, and writing it again would change numbers and drop keys. Only `encodeJson` can write it; JSON.stringify
 * throws.
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

/** Converts an object to its JSON text. */
export function toJsonText(value: object): JsonText {
  return value instanceof JsonText ? value : new JsonText(JSON.stringify(value));
}

/** Removes white space between the tokens of valid JSON, and changes nothing else. */
export function compactJson(json: string): string {
  return /\s/.test(json) ? json.replace(stringOrSpace, (part) => (part.startsWith('"') ? part : "")) : json;
}

const stringOrSpace = /"(?:[^"\\]|\\.)*"|[ \t\n\r]+/g;

/** Works like JSON.stringify, but copies the text of each JsonText unchanged. */
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

/** Returns how many levels of arrays and objects valid JSON has, and whether it is free of escaped lone surrogates. */
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

/** The escape of a lone surrogate: a first half without a second half, or a second half on its own. */
const loneSurrogate = /^\\u(?:d[89ab]..(?!\\ud[c-f])|d[c-f])/i;
