const whiteSpace = /[ \t\n\r]*/y;
// \p{Cc} is U+0000–001F, which JSON forbids in strings, and U+007F–009F, which it allows.
const stringPart = /[^"\\\p{Cc}]+|[\u007f-\u009f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/uy;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

type Expected = "value" | "value or end" | "key" | "key or end" | "comma or end";

/**
 * Returns the offset of the first character that is not valid JSON (RFC 8259), the length of `text` if it ends too
 * early, or -1 if it is JSON. It makes one pass without recursion. It exists for answers to bodies that JSON.parse
 * refused: V8's messages name a position only sometimes, and they quote the text.
 */
export function findJsonFault(text: string): number {
  const closers: ("}" | "]")[] = [];
  let expected: Expected = "value";
  let at = 0;
  for (;;) {
    at = endOf(whiteSpace, text, at);
    const character = text[at];
    const closer = closers.at(-1);
    if (expected === "comma or end" && closer === undefined) return character === undefined ? -1 : at;
    if (expected.endsWith("or end") && character === closer && character !== undefined) {
      closers.pop();
      expected = "comma or end";
      at += 1;
    } else if (expected === "comma or end") {
      if (character !== ",") return at;
      expected = closer === "}" ? "key" : "value";
      at += 1;
    } else if (expected === "key" || expected === "key or end") {
      const key = scanString(text, at);
      if (key.fault) return key.at;
      at = endOf(whiteSpace, text, key.at);
      if (text[at] !== ":") return at;
      expected = "value";
      at += 1;
    } else if (character === "{" || character === "[") {
      closers.push(character === "{" ? "}" : "]");
      expected = character === "{" ? "key or end" : "value or end";
      at += 1;
    } else if (character === '"') {
      const value = scanString(text, at);
      if (value.fault) return value.at;
      expected = "comma or end";
      at = value.at;
    } else {
      const end = endOf(scalar, text, at);
      if (end === at) return at;
      expected = "comma or end";
      at = end;
    }
  }
}

function scanString(text: string, start: number): { at: number; fault: boolean } {
  if (text[start] !== '"') return { at: start, fault: true };
  let at = start + 1;
  while (text[at] !== '"') {
    const end = endOf(stringPart, text, at);
    if (end === at) return { at, fault: true };
    at = end;
  }
  return { at: at + 1, fault: false };
}

function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
