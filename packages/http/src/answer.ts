import { encodeJson } from "@confab/contracts";
import { giveWay } from "@confab/async";

const pieceLength = 65_536;

/**
 * Returns the JSON of a list, or of an object with long lists of large elements, in pieces, and yields to the event
 * loop between them. Joined, the pieces equal the result of encodeJson. Owners, such as applications, take turns.
 */
export async function stringifyInTurns(value: object, owner?: string): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  let piece = "";
  async function addList(list: readonly unknown[]): Promise<void> {
    piece += "[";
    for (let at = 0; at < list.length; at += 1) {
      if (piece.length > pieceLength) {
        pieces.push(Buffer.from(piece));
        piece = "";
        await giveWay(owner);
      }
      piece += `${at > 0 ? "," : ""}${encodeJson(list[at])}`;
    }
    piece += "]";
  }
  if (Array.isArray(value)) await addList(value);
  else {
    piece += "{";
    let separator = "";
    for (const [key, field] of Object.entries(value) as [string, unknown][]) {
      piece += `${separator}${JSON.stringify(key)}:`;
      separator = ",";
      if (Array.isArray(field)) await addList(field);
      else piece += encodeJson(field);
    }
    piece += "}";
  }
  pieces.push(Buffer.from(piece));
  return pieces;
}
