/**
 * Throws if the JSON parser of this Node mixes up keys: before 24.22.3, after one client's object with an escaped key, a key of
 * another client's object could be read as that one. Call it first, while V8 has seen no other objects.
 */
export function assertJsonKeys(parse: (text: string) => unknown = JSON.parse): void {
  parse(String.raw`{"type":"x","\\":2}`);
  const [, key] = Object.keys(parse(String.raw`{"type":"y","\u540d":1}`) as object);
  if (key === "\u540d") return;
  throw new Error(
    `The JSON parser of Node ${process.versions.node} mixes up keys of different objects. Use Node 24.22.3 or later.`,
  );
}
