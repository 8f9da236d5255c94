/**
 * Throws if the JSON parser of this version of Node confuses keys. Before 24.22.3, a key of one client's object could
 * be read as the escaped key of another client's earlier object. Call it first, while V8 has seen no other objects.
 */
export function assertJsonKeys(parse: (text: string) => unknown = JSON.parse): void {
  parse(String.raw`{"type":"x","\\":2}`);
  const [, key] = Object.keys(parse(String.raw`{"type":"y","\u540d":1}`) as object);
  if (key === "\u540d") return;
  throw new Error(
    `The JSON parser of Node ${process.versions.node} mixes up keys of different objects. Use Node 24.22.3 or later.`,
  );
}
