import { encodeJson } from "@confab/contracts";
import { giveWay } from "@confab/runtime";

const pieceLength = 65_536;

/**
 * The JSON of an object with long arrays of large elements, in pieces between which the event loop turns. Together the pieces
 * equal the result of encodeJson.
 */
export async function stringifyInTurns(object: object): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  let piece = "{";
  let separator = "";
  for (const [key, value] of Object.entries(object) as [string, unknown][]) {
    piece += `${separator}${JSON.stringify(key)}:`;
    separator = ",";
    if (!Array.isArray(value)) {
      piece += encodeJson(value);
      continue;
    }
    piece += "[";
    for (let at = 0; at < value.length; at += 1) {
      if (piece.length > pieceLength) {
        pieces.push(Buffer.from(piece));
        piece = "";
        await giveWay();
      }
      piece += `${at > 0 ? "," : ""}${encodeJson(value[at])}`;
    }
    piece += "]";
  }
  pieces.push(Buffer.from(`${piece}}`));
  return pieces;
}
