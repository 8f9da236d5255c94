import { InvalidCursor } from "./errors.ts";

/** An opaque cursor for the hits older than message `number`. */
export function encodeCursor(number: number): string {
  return Buffer.from(`before:${number}`).toString("base64url");
}

/** The number that a cursor continues below; throws `InvalidCursor` unless `encodeCursor` made it. */
export function decodeCursor(cursor: string): number {
  const number = Number(/^before:([1-9]\d{0,15})$/.exec(Buffer.from(cursor, "base64url").toString("latin1"))?.[1]);
  if (!Number.isSafeInteger(number) || encodeCursor(number) !== cursor) {
    throw new InvalidCursor("the cursor is not one that a search has given out");
  }
  return number;
}
